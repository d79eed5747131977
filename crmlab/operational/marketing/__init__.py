"""Marketing, the part of operational CRM that speaks to many: lists, permission, campaigns and what came of them."""
