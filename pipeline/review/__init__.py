"""The review application: analysts check, correct and decide in a browser.

In:   the tables of a study's last run, the decisions of its people
Out:  decisions, appended and never written over
"""
