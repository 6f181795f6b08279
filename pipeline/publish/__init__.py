"""Publish a study's results: one report in several formats, and its tables.

In:   the tables of the data dictionary, grid, settings
Out:  rapport.html, .docx, .pdf, carte.html; ateliers/, restitution.pptx; tables in four formats
"""
