"""The review application: analysts check, correct and decide in a browser; whatever they decide is appended, never written over.

In:   the tables of a study's last run, the decisions of its people
Out:  decisions, one at a time
"""
