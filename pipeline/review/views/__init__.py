"""What each address answers: read the request, call what computes, show a page. Nothing is computed here."""
