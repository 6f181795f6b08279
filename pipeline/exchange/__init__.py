"""Exchange a study with the tools that analysts use, and bring their decisions back.

In:   tables as reviewed, grid, decisions; or a file from elsewhere
Out:  .qdpx, .qdc, a corpus for IRaMuTeQ, a review sheet; or Taken
"""
