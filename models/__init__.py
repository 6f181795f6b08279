"""What is learnt or pretrained, behind scikit-learn interfaces; models/cards/ says what each was
made from and how good it is.
"""
