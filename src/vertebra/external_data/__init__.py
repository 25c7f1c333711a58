"""Data that is given without a project: files, Delta tables, frames in memory; opened, typed, staged for the engine."""
