"""Operational CRM, the front office: the systems that deal with customers directly, on one SQLite store.

Every write goes through an operation, a function ``verb_noun(store, ..., at=...)``: it takes the time it happens at,
happens whole or not at all, leaves a row with time and actor in ``operation_log``, and returns the rows that it wrote
as a dict from table name to frame. What breaks a rule raises ``RefusedOperation``.
"""

from crmlab.operational.customers import add_customer, update_customer
from crmlab.operational.marketing.audience import draw_audience
from crmlab.operational.marketing.budget import past_response, plan_budget, score_budget
from crmlab.operational.marketing.campaigns import change_campaign_status, plan_campaign
from crmlab.operational.marketing.consent import permission, record_consent
from crmlab.operational.marketing.contact_times import set_preferences
from crmlab.operational.marketing.events import due_events, queue_events
from crmlab.operational.marketing.messages import choose_offers, render_campaign, render_message, render_subject
from crmlab.operational.marketing.promotions import create_promotion, issue_codes, promotion_report
from crmlab.operational.marketing.responses import observe_responses
from crmlab.operational.marketing.send_queue import schedule_campaign, send_due
from crmlab.operational.marketing.success import campaign_report
from crmlab.operational.marketing.target_lists import build_list, save_target_list
from crmlab.operational.merging import merge_customers, undo_merge
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.sales.orders import place_order
from crmlab.operational.sales.returns import return_order_line
from crmlab.operational.service.interactions import log_interaction
from crmlab.operational.service.tickets import assign_ticket, open_ticket, resolve_ticket
from crmlab.operational.store import Store, open_store

__all__ = [
    "RefusedOperation",
    "Store",
    "add_customer",
    "assign_ticket",
    "build_list",
    "campaign_report",
    "change_campaign_status",
    "choose_offers",
    "create_promotion",
    "draw_audience",
    "due_events",
    "issue_codes",
    "log_interaction",
    "merge_customers",
    "observe_responses",
    "open_store",
    "open_ticket",
    "past_response",
    "permission",
    "place_order",
    "plan_budget",
    "plan_campaign",
    "promotion_report",
    "queue_events",
    "record_consent",
    "render_campaign",
    "render_message",
    "render_subject",
    "resolve_ticket",
    "return_order_line",
    "save_target_list",
    "schedule_campaign",
    "score_budget",
    "send_due",
    "set_preferences",
    "undo_merge",
    "update_customer",
]
