"""Measures of partitions, ours beside scikit-learn's, on random partitions.

Needs the built package and `pip install scikit-learn`. Prints the largest difference of each measure; all
must be below 1e-9.

    python benches/evaluate.py
"""

import random
import sys
import warnings

import numpy
from sklearn.metrics.cluster import contingency_matrix, pair_confusion_matrix

import cdm

MOST = 1e-9


def harmonic(one: float, two: float) -> float:
    return 2 * one * two / (one + two) if one + two else 0.0


def theirs(found: list[int], truth: list[int]) -> dict[str, float]:
    """Pairs by `pair_confusion_matrix`, B-cubed and exact entities by `contingency_matrix`."""
    if not found:
        return dict.fromkeys(NAMES, 1.0)
    (_, wrong), (missed, both) = pair_confusion_matrix(truth, found).tolist()
    precision = both / (both + wrong) if both + wrong else 1.0
    recall = both / (both + missed) if both + missed else 1.0
    table = contingency_matrix(truth, found).astype(float)
    of_found, of_true = table.sum(axis=0), table.sum(axis=1)
    squares = table**2
    b_precision = (squares / of_found).sum() / len(found)
    b_recall = (squares / of_true[:, None]).sum() / len(found)
    exact = ((table == of_found) & (table == of_true[:, None]) & (table > 0)).sum()
    return {
        "precision": precision,
        "recall": recall,
        "f1": harmonic(precision, recall),
        "b_cubed_precision": b_precision,
        "b_cubed_recall": b_recall,
        "b_cubed_f1": harmonic(b_precision, b_recall),
        "exact_rate": exact / len(of_true),
    }


NAMES = ["precision", "recall", "f1", "b_cubed_precision", "b_cubed_recall", "b_cubed_f1", "exact_rate"]


def partitions(draw: random.Random):
    """Pairs of partitions: none, one of a single cluster, all alone, and random ones of many sizes."""
    yield [], []
    yield [0], [0]
    for size in (2, 10, 100):
        yield [0] * size, [0] * size
        yield [0] * size, list(range(size))
        yield list(range(size)), [0] * size
        yield list(range(size)), list(range(size))
    for _ in range(2000):
        size = draw.randrange(1, 300)
        one, two = draw.randrange(1, size + 1), draw.randrange(1, size + 1)
        found = [draw.randrange(one) for _ in range(size)]
        # Near to the truth as often as not.
        moved = draw.random()
        yield found, [entity if draw.random() > moved else draw.randrange(two) for entity in found]


def main() -> int:
    warnings.simplefilter("ignore")
    worst = dict.fromkeys(NAMES, 0.0)
    count = 0
    for found, truth in partitions(random.Random(1)):
        ours, other = cdm.evaluate_partition(found, truth), theirs(found, truth)
        for name in NAMES:
            worst[name] = max(worst[name], abs(ours[name] - float(numpy.float64(other[name]))))
        count += 1
    print(f"{count:,} pairs of partitions; the largest differences:")
    for name, difference in worst.items():
        print(f"  {name:18} {difference:.1e}")
    return int(max(worst.values()) > MOST)


if __name__ == "__main__":
    sys.exit(main())
