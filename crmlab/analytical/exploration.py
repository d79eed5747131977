"""Explore or exploit: which of several offers should the page show next? (lesson 08)

To show what has done best so far earns now; to show another teaches something for later. Regret is what the choice cost
against always showing the best offer, which only somebody who knows the truth can count.
"""

import numpy as np


class EpsilonGreedy:
    """Show any offer with probability epsilon, else the one with the best share of clicks so far.

    Fitted while it runs: `shown_` and `clicks_`, int64 (offers,). An offer not shown yet comes first, so that none is
    written off unseen. Source: Sutton and Barto (2018), Reinforcement Learning, section 2.2.
    """

    def __init__(self, offers: int, epsilon: float = 0.1, *, seed: int):
        if not 0 <= epsilon <= 1:
            raise ValueError(f"epsilon is {epsilon!r}, expected 0 to 1")
        self.epsilon = epsilon
        _start(self, offers, seed)

    def choose(self) -> int:
        """The offer to show to the next visitor, from 0."""
        if self._rng.random() < self.epsilon:
            return int(self._rng.integers(len(self.shown_)))
        share = np.divide(self.clicks_, self.shown_, out=np.full(len(self.shown_), np.inf), where=self.shown_ > 0)
        return int(np.argmax(share))

    def learn(self, offer: int, clicked: bool) -> None:
        """Note what became of it."""
        _note(self, offer, clicked)


class ThompsonSampling:
    """Draw a click rate for each offer from what is known about it, and show the highest draw.

    What is known is Beta(1 + clicks, 1 + shown - clicks): an offer seen little draws widely and gets its chance.
    Fitted while it runs: `shown_` and `clicks_`, int64 (offers,). Source: Thompson (1933), Biometrika 25; Chapelle and
    Li (2011), An Empirical Evaluation of Thompson Sampling.
    """

    def __init__(self, offers: int, *, seed: int):
        _start(self, offers, seed)

    def choose(self) -> int:
        """The offer to show to the next visitor, from 0."""
        return int(np.argmax(self._rng.beta(1 + self.clicks_, 1 + self.shown_ - self.clicks_)))

    def learn(self, offer: int, clicked: bool) -> None:
        """Note what became of it."""
        _note(self, offer, clicked)


def simulate_page(policy: EpsilonGreedy | ThompsonSampling, click_rates: np.ndarray, visits: int, *, seed: int):
    """Let a policy run a page whose true click rates are known.

    click_rates
        (offers,) probabilities; which visitor would click on what is drawn from `seed` before anything is shown, so
        that all policies meet the same visitors

    Returns (shown, regret): int64 (visits,) offers shown, and float64 (visits,) clicks lost so far in expectation
    against the best offer.

    >>> shown, regret = simulate_page(ThompsonSampling(2, seed=1), [0.1, 0.5], 500, seed=2)
    >>> bool(regret[-1] < 0.4 / 2 * 500)
    True
    """
    rates = np.asarray(click_rates, dtype=np.float64)
    if rates.ndim != 1 or not len(rates) or not ((rates >= 0) & (rates <= 1)).all():
        raise ValueError(f"click_rates is {click_rates!r}, expected one probability an offer")
    if len(rates) != len(policy.shown_):
        raise ValueError(f"click_rates has {len(rates)} offers, expected {len(policy.shown_)} as the policy has")
    would_click = np.random.default_rng(seed).random((visits, len(rates))) < rates
    shown = np.empty(visits, dtype=np.int64)
    for visit in range(visits):
        offer = shown[visit] = policy.choose()
        policy.learn(int(offer), bool(would_click[visit, offer]))
    return shown, np.cumsum(rates.max() - rates[shown])


def _start(policy: EpsilonGreedy | ThompsonSampling, offers: int, seed: int) -> None:
    if isinstance(offers, bool) or not isinstance(offers, int | np.integer) or offers < 1:
        raise ValueError(f"offers is {offers!r}, expected a whole number from 1 up")
    policy.shown_ = np.zeros(offers, dtype=np.int64)
    policy.clicks_ = np.zeros(offers, dtype=np.int64)
    policy._rng = np.random.default_rng(seed)


def _note(policy: EpsilonGreedy | ThompsonSampling, offer: int, clicked: bool) -> None:
    policy.shown_[offer] += 1
    policy.clicks_[offer] += bool(clicked)
