"""Marketing, the part of operational CRM that speaks to many: for now, whom it may speak to."""
