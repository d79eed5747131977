"""CRM Lab: learn customer relationship management by operating the systems of a simulated company."""
