"""Make data/reference/ again from open data: a tool of development, which no run imports.

In:   the archives of `sources`, fetched by npm and pip, refused unless their sha256 is the expected
      one
Out:  communes.parquet, epci.parquet, departements.csv, contours.json.gz, and their fingerprints
"""
