"""Compare territories of unequal size, by themes and by words; list missing voices and answers.

In:   units, tags, theme_members, priorities, workshops; attendance, structures, catchments, offers
Out:  the tables of the comparison, one function each
"""
