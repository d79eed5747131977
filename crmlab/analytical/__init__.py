"""Analytical CRM: what is learned from the customer data, away from the customer (see `rfm` for the first of it)."""
