"""What people may change without touching code: words (textes.yaml), the web page (.j2, .css), the Word template (.docx)."""
