"""Sends parcels and tells people about it."""
