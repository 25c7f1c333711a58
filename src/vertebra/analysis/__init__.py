"""The analysis backbone: from an exploitation view to a deployed model.

An analysis computes features that are known at the prediction time, splits the examples by time, cross-validates
candidates, tests the chosen one once, and registers it. One module for each of these stages; ``run`` is the step.
"""
