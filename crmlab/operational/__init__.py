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
from crmlab.operational.marketing.personal_page import click_page, page_clicks, page_variant, show_page
from crmlab.operational.marketing.promotions import create_promotion, issue_codes, promotion_report
from crmlab.operational.marketing.responses import observe_responses
from crmlab.operational.marketing.send_queue import schedule_campaign, send_due
from crmlab.operational.marketing.success import campaign_report
from crmlab.operational.marketing.target_lists import build_list, save_target_list
from crmlab.operational.merging import merge_customers, undo_merge
from crmlab.operational.refusal import RefusedOperation
from crmlab.operational.sales.call_lists import plan_call_list
from crmlab.operational.sales.offers import find_offers, offer_report, owned_products, show_offers
from crmlab.operational.sales.orders import place_order
from crmlab.operational.sales.returns import return_order_line
from crmlab.operational.sales.stock import mark_back_in_stock, mark_out_of_stock
from crmlab.operational.sales.telesales import finish_call, next_call, telesales_report
from crmlab.operational.service.agents import set_agent_status, sign_on
from crmlab.operational.service.call_backs import promise_kept_rate, request_call_back
from crmlab.operational.service.call_scripts import answer_script, start_script
from crmlab.operational.service.callers import identify_caller, link_caller
from crmlab.operational.service.chat import is_chat_open, leave_message, send_chat_message, start_chat, transcript
from crmlab.operational.service.contact_queue import (
    abandon_contact,
    contact_queue,
    end_contact,
    finish_wrap_up,
    hand_over_contact,
    receive_contact,
)
from crmlab.operational.service.desk import next_step, open_desk
from crmlab.operational.service.dialogue_check import check_dialogue
from crmlab.operational.service.dialogues import present_step, save_dialogue
from crmlab.operational.service.interactions import log_interaction
from crmlab.operational.service.tickets import assign_ticket, open_ticket, resolve_ticket
from crmlab.operational.service.voice_response import containment, hang_up, press_key, start_voice_call
from crmlab.operational.store import Store, open_store

__all__ = [
    "RefusedOperation",
    "Store",
    "abandon_contact",
    "add_customer",
    "answer_script",
    "assign_ticket",
    "build_list",
    "campaign_report",
    "change_campaign_status",
    "check_dialogue",
    "choose_offers",
    "click_page",
    "contact_queue",
    "containment",
    "create_promotion",
    "draw_audience",
    "due_events",
    "end_contact",
    "find_offers",
    "finish_call",
    "finish_wrap_up",
    "hand_over_contact",
    "hang_up",
    "identify_caller",
    "is_chat_open",
    "issue_codes",
    "leave_message",
    "link_caller",
    "log_interaction",
    "mark_back_in_stock",
    "mark_out_of_stock",
    "merge_customers",
    "next_call",
    "next_step",
    "observe_responses",
    "offer_report",
    "open_desk",
    "open_store",
    "open_ticket",
    "owned_products",
    "page_clicks",
    "page_variant",
    "past_response",
    "permission",
    "place_order",
    "plan_budget",
    "plan_call_list",
    "plan_campaign",
    "present_step",
    "press_key",
    "promise_kept_rate",
    "promotion_report",
    "queue_events",
    "receive_contact",
    "record_consent",
    "render_campaign",
    "render_message",
    "render_subject",
    "request_call_back",
    "resolve_ticket",
    "return_order_line",
    "save_dialogue",
    "save_target_list",
    "schedule_campaign",
    "score_budget",
    "send_chat_message",
    "send_due",
    "set_agent_status",
    "set_preferences",
    "show_offers",
    "show_page",
    "sign_on",
    "start_chat",
    "start_script",
    "start_voice_call",
    "telesales_report",
    "transcript",
    "undo_merge",
    "update_customer",
]
