"""The words that columns are limited to, and what several tables say of one column."""

QUESTIONS = ("q1", "q2", "q3", "q4", "resume", "distance", "autre")
CHANNELS = ("notes", "postit", "transcript", "resume", "mail", "telephone")
AXIS_MEANING = "Axis of the study's grid: rubrique, posture, pilier, or one that the grid brings; checked when a study writes the table"
STRUCTURE_TYPES = (
    "coopérative",
    "association",
    "groupe d'acteurs",
    "entreprise sociale",
    "mouvement citoyen",
    "réseau d'accompagnement",
    "collectivité",
    "élu",
    "autre",
)
BLOCK_KINDS = ("heading", "paragraph", "bullet", "cell", "cue", "meta")
CHANGES = ("nouveau", "grandi", "réduit", "remanié", "réuni", "partagé", "disparu", "inchangé")
COVERAGES = ("couvert", "hors des zones de chalandise connues", "aucune structure de ce secteur", "zone de chalandise inconnue")
LIKENESS = ("comme des tables tirées au sort", "plus éloignés que le hasard", "trop peu de matière pour conclure")
REACHES = ("partagé", "propre à un territoire", "contrasté", "ni partagé ni propre", "trop peu de matière pour conclure")
TRENDS = ("en hausse", "en baisse", "sans changement visible", "trop peu de matière pour conclure")
VERDICTS = ("plus présent ici", "moins présent", "comme ailleurs", "trop peu de matière pour conclure")
LEAD = "semble plus présent ici, à vérifier"  # what screens show of a cell that is_lead, instead of its verdict
