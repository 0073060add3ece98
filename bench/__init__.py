"""What the mesh costs, measured side by side with what it is compared to: `python -m bench`.

Ratios within one run mean something; the figures themselves belong to the machine. Nothing here
asserts a figure, and no test reads one.
"""
