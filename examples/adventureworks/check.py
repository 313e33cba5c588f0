#!/usr/bin/env python3
"""Computes the example's tables another way, and compares Echelon's with them.

    check.py accounts.csv                               print the tables
    check.py accounts.csv out.csv                       compare every row of what `echelon score` wrote
    check.py accounts.csv out.csv --summary score.json  and the tables that `echelon score --json` printed

It computes from the accounts alone: the formulas of model.yaml stand here once more, in decimal arithmetic of 50 digits. The tables are
as of 2020-05-31. Exit status: 0 equal, 1 different, 2 wrong usage.
"""

import argparse
import csv
import json
import sys
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal, InvalidOperation, getcontext

getcontext().prec = 50

AS_OF = date(2020, 5, 31)
SCORE_TOLERANCE = Decimal("1e-9")
AMOUNT_TOLERANCE = Decimal("0.005")
MOST_DIFFERENCES = 20

REGIONS = {
    "Northwest": "US West", "Southwest": "US West",
    "Central": "US Central and East", "Northeast": "US Central and East", "Southeast": "US Central and East",
    "Canada": "Canada",
    "France": "Europe", "Germany": "Europe", "United Kingdom": "Europe",
    "Australia": "Pacific",
}
TIERS = ["high-touch", "mid-touch", "low-touch", "tech-touch"]
PERSONAS = {
    (True, True): "Strategic Partnerships", (False, True): "Land & Expand",
    (True, False): "Protect & Defend", (False, False): "Efficient Engagement",
}


def linear(x, low, high):
    return min(Decimal(100), max(Decimal(0), (x - low) / (Decimal(high) - low) * 100))


def log(x, low, high):
    """0 up to low, 100 from high, and straight in the logarithm between."""
    if x <= low:
        return Decimal(0)
    bottom = Decimal(low).log10()
    return min(Decimal(100), (x.log10() - bottom) / (Decimal(high).log10() - bottom) * 100)


def score(criteria):
    """The weighted mean of what is known, or None below six tenths of the weight; and the share of weight that is known."""
    known = [(weight, value) for weight, value in criteria if value is not None]
    total = Decimal(sum(weight for weight, _ in known))
    completeness = total / sum(weight for weight, _ in criteria)
    if completeness < Decimal("0.6"):
        return None, completeness
    return sum(weight * value for weight, value in known) / total, completeness


def segments(row):
    sales = Decimal(row["annual_sales"])
    return {
        "business_type": row["business_type"],
        "size": "Large" if sales >= 3000000 else "Medium" if sales >= 800000 else "Small",
        "territory": REGIONS[row["territory"]],
        "product_line": row["product_line"],
    }


def scores(row):
    """The three scores, each with its completeness. Without orders only the headcount is known."""
    headcount = linear(Decimal(row["employees"]), 0, 100)
    if not row["revenue_12m"]:
        nothing = [(100, None)]
        return {"value": score(nothing), "growth_potential": score([(90, None), (10, headcount)]), "share_of_wallet": score(nothing)}
    revenue, prior = Decimal(row["revenue_12m"]), Decimal(row["revenue_prior_12m"])
    wallet = Decimal(row["annual_sales"]) / 5
    recency = 100 - linear(Decimal(days_idle(row)), 90, 365)
    return {
        "value": score([
            (50, log(revenue, 1000, 500000)),
            (15, log(Decimal(row["gross_margin_12m"]), 100, 30000)),
            (20, linear(Decimal(row["subcategories"]), 0, 25)),
            (15, recency),
        ]),
        "growth_potential": score([(70, log(wallet - revenue, 20000, 600000)), (20, recency), (10, headcount)]),
        "share_of_wallet": score([(70, linear(revenue / wallet, 0, 1)), (30, linear(prior / wallet, 0, 1))]),
    }


def days_idle(row):
    return (AS_OF - date.fromisoformat(row["last_order"])).days


class Account:
    def __init__(self, row):
        self.row, self.id = row, row["account_id"]
        self.segments, self.scores = segments(row), scores(row)
        self.amount = Decimal(row["revenue_12m"] or 0)
        self.tiers = {"coverage": "", "relationship": ""}

    def score(self, name):
        return self.scores[name][0]


def climb(accounts):
    """The ladder: by revenue, who brings the first half of it, who the next 30 %; of the others those whose value is at least 40."""
    scored = [a for a in accounts if a.score("value") is not None]
    scored.sort(key=lambda a: (-a.amount, -a.score("value"), a.id))
    total, before = sum(a.amount for a in scored), Decimal(0)
    for a in scored:
        if before < total / 2:
            place = 0
        elif before < total * 4 / 5:
            place = 1
        else:
            place = 2 if a.score("value") >= 40 else 3
        a.tiers["coverage"] = TIERS[place]
        before += a.amount


def box(accounts):
    """The 4-box: share of wallet and real money to the right, growth potential of a landed reseller of some size upwards."""
    ascending = sorted(a.score("growth_potential") for a in accounts if a.score("growth_potential") is not None)
    whole, part = divmod(33 * (len(ascending) - 1), 100)
    line = ascending[whole] + (ascending[whole + 1] - ascending[whole]) * part / 100
    for a in accounts:
        share, growth = a.score("share_of_wallet"), a.score("growth_potential")
        if share is None or growth is None:
            continue
        landed = a.amount >= 2000 and days_idle(a.row) <= 180
        right = share >= 30 and a.amount >= 100000
        up = growth >= line and landed and a.segments["size"] != "Small"
        a.tiers["relationship"] = PERSONAS[right, up]


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def evaluate(path):
    accounts = [Account(row) for row in read(path)]
    climb(accounts)
    box(accounts)
    return accounts


def table(accounts, outcome):
    """How many accounts each outcome has, and their revenue."""
    counts, amounts = Counter(), defaultdict(Decimal)
    for a in accounts:
        counts[outcome(a)] += 1
        amounts[outcome(a)] += a.amount
    return counts, amounts


def tier_table(accounts, tiering):
    return table(accounts, lambda a: a.tiers[tiering])


def print_tables(accounts):
    titles = {name: list(PERSONAS.values()) if name == "relationship" else TIERS for name in ("coverage", "relationship")}
    for name, order in titles.items():
        print_table(name, order + [""], *tier_table(accounts, name))
    for name in accounts[0].segments:
        counts, amounts = table(accounts, lambda a, name=name: a.segments[name])
        print_table("segments of " + name, sorted(counts), counts, amounts)


def print_table(title, order, counts, amounts):
    customers, total = sum(counts.values()), sum(amounts.values())
    print(title)
    for name in order:
        print(f"  {name or '(none)':<24}{counts[name]:>6}{amounts[name]:>16,.2f}{amounts[name] / total:>9.1%}")
    print(f"  {'total':<24}{customers:>6}{total:>16,.2f}\n")


def close(text, want, tolerance):
    try:
        return abs(Decimal(text) - want) <= tolerance
    except InvalidOperation:
        return False


class Differences:
    def __init__(self):
        self.found = []

    def text(self, place, got, want):
        if got != want:
            self.found.append(f"{place}: Echelon has {got!r}, another way gives {want!r}")

    def number(self, place, got, want, tolerance):
        """Compares a text with a number, or None, which is written as no text."""
        if want is None or got in ("", None):
            self.text(place, got or "", "" if want is None else f"{want:.12f}")
        elif not close(str(got), want, tolerance):
            self.text(place, str(got), f"{want:.12f}")


def compare_rows(accounts, rows, found):
    found.text("the number of rows", len(rows), len(accounts))
    for line, (a, row) in enumerate(zip(accounts, rows), start=2):
        def cell(column):
            return row.get(column, "no such column")
        found.text(f"line {line}, account_id", cell("account_id"), a.id)
        for name, segment in a.segments.items():
            found.text(f"{a.id}, segment.{name}", cell("segment." + name), segment)
        for name, (value, completeness) in a.scores.items():
            found.number(f"{a.id}, score.{name}", cell("score." + name), value, SCORE_TOLERANCE)
            found.number(f"{a.id}, completeness.{name}", cell("completeness." + name), completeness, SCORE_TOLERANCE)
        for name, tier in a.tiers.items():
            found.text(f"{a.id}, tier.{name}", cell("tier." + name), tier)
            found.text(f"{a.id}, whether the reason says UNSCORED", "UNSCORED" in cell("reason"), a.tiers["coverage"] == "")


def field(message, name, default=0):
    """A field of a message in JSON, under its name in the proto or in camel case; absent ones have their default."""
    first, *rest = name.split("_")
    return message.get(name, message.get(first + "".join(word.title() for word in rest), default))


def compare_summary(accounts, summary, found):
    tables = {t["tiering"]: t for t in field(summary, "tierings", [])}
    found.text("the tables", sorted(tables), ["coverage", "relationship"])
    for tiering, got in tables.items():
        counts, amounts = tier_table(accounts, tiering)
        rows = {t["tier"]: (field(t, "customers"), field(t, "amount")) for t in field(got, "tiers", [])}
        rows[""] = (field(got, "unscored"), field(got, "unscored_amount"))
        for name in sorted(set(rows) | set(counts)):
            customers, amount = rows.get(name, (0, 0))
            found.text(f"{tiering}, customers of {name or 'none'}", int(customers), counts[name])
            found.number(f"{tiering}, amount of {name or 'none'}", amount, amounts[name], AMOUNT_TOLERANCE)
    balance, unscored = field(summary, "balance", {}), tier_table(accounts, "coverage")[0][""]
    rows = {"customers": len(accounts), "tiered": len(accounts) - unscored, "unscored": unscored, "excluded": 0, "refused": 0}
    for name, want in rows.items():
        found.text("balance, " + name, int(field(balance, name)), want)
    for name in ("amount_in", "amount_out"):
        found.number("balance, " + name, field(balance, name), sum(a.amount for a in accounts), AMOUNT_TOLERANCE)


def main():
    parser = argparse.ArgumentParser(description="Compute the example's tables another way, and compare Echelon's with them.")
    parser.add_argument("accounts", help="accounts.csv")
    parser.add_argument("output", nargs="?", help="what `echelon score` wrote; without it the tables are printed")
    parser.add_argument("--summary", help="what `echelon score --json` printed")
    arguments = parser.parse_args()
    accounts, found = evaluate(arguments.accounts), Differences()
    if arguments.output is None and arguments.summary is None:
        print_tables(accounts)
        return 0
    compared = []
    if arguments.output is not None:
        compare_rows(accounts, read(arguments.output), found)
        compared.append(f"{len(accounts)} rows")
    if arguments.summary is not None:
        with open(arguments.summary, encoding="utf-8") as file:
            printed = json.load(file)
        compare_summary(accounts, printed.get("summary", printed), found)
        compared.append("the tables")
    for difference in found.found[:MOST_DIFFERENCES]:
        print("different:", difference, file=sys.stderr)
    if found.found:
        print(f"{len(found.found)} differences, of which at most {MOST_DIFFERENCES} are shown", file=sys.stderr)
        return 1
    print(f"equal: {' and '.join(compared)}, computed another way")
    return 0


if __name__ == "__main__":
    sys.exit(main())
