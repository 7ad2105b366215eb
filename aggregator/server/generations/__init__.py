"""Generations of the plan: made, swapped on a reload, closed; and what is watched for it."""
