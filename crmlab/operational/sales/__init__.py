"""Sales, the part of operational CRM that takes orders: what was bought, and what came back."""
