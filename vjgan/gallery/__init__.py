"""The gallery: thousands of a model's portraits on one page, to be kept, rejected, tagged and
named. What is kept goes to the bank."""
