"""Data that models made: sampled, judged, and written as rows to train on."""
