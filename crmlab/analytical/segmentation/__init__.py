"""Segmentation: groups of customers that deserve different treatment (lesson 07).

- `rules`: segments by a table of rules
- `behaviour`: what each customer does, from the orders
- `clusters`: segments by k-means on standardised behaviour, their profile and a name
- `stability`: the same segments again, from another seed, another sample, the other half of the orders?
- `concentration`: how the margin is spread over customers: deciles, Lorenz curve, Gini coefficient
- `targeting`: which segments are worth a message, by an experiment
"""

from crmlab.analytical.segmentation.behaviour import behaviour_features, order_facts
from crmlab.analytical.segmentation.clusters import KMeansSegments, name_segments, profile_segments
from crmlab.analytical.segmentation.concentration import (
    customer_margin,
    decile_table,
    gini,
    lorenz_curve,
    share_of_best,
)
from crmlab.analytical.segmentation.rules import segment_by_rules
from crmlab.analytical.segmentation.stability import (
    agreement,
    bootstrap_agreement,
    check_against_chance,
    compare_k,
    deal_at_random,
    halves_agreement,
    reseed_agreement,
)
from crmlab.analytical.segmentation.targeting import (
    break_even_rate,
    contact_margin,
    gain_by_segment,
    mailing_gain,
    random_half,
)

__all__ = [
    "KMeansSegments",
    "agreement",
    "behaviour_features",
    "bootstrap_agreement",
    "break_even_rate",
    "check_against_chance",
    "compare_k",
    "contact_margin",
    "customer_margin",
    "deal_at_random",
    "decile_table",
    "gain_by_segment",
    "gini",
    "halves_agreement",
    "lorenz_curve",
    "mailing_gain",
    "name_segments",
    "order_facts",
    "profile_segments",
    "random_half",
    "reseed_agreement",
    "segment_by_rules",
    "share_of_best",
]
