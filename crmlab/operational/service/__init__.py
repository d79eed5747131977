"""Customer service, the part of operational CRM that answers: tickets and single contacts."""
