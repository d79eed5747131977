"""The company's contact centre: who gets in touch about what, the agents and their shifts, and a queue that ran.

Customers' lives say who wants to get in touch, and when (``demand``). All their contacts then meet in one queue, day by
day (``days``): waits couple customers, so this part of the company is drawn by days and not by blocks of people.
"""
