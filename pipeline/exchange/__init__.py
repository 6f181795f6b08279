"""Exchange with the tools that analysts use, and decisions taken there brought back.

In:   tables as reviewed, grid, decisions; or a file from elsewhere
Out:  .qdpx, .qdc, a corpus for IRaMuTeQ, a review sheet; or Taken: decisions, and what was left out
"""
