"""Job 2: train a classifier on the train output of job 1, judge it on the test output, write evaluation.json.

Plain SageMaker Processing code, like clean.py. The model is a histogram gradient boosting classifier, which handles
missing values and categories; it is trained in steps so that the log shows progress.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support
from sklearn.preprocessing import OrdinalEncoder

ROOT = Path("/opt/ml/processing")
MESSAGE = Path("/opt/ml/output/message")
TARGET = "late"
CATEGORIES = ["carrier", "origin", "dest"]
STEPS = 3


def main() -> None:
    args = arguments()
    started = time.monotonic()

    train, train_late = read(args.train / "train.csv")
    test, test_late = read(args.test / "test.csv")
    log(f"read {len(train):,} rows to train on, {len(test):,} to test with, {train.shape[1]} features")

    encoder = encode_categories(train)
    model = fit(encoder.transform(train), train_late, args.trees, args.learning_rate)
    trained = time.monotonic()

    scores = judge(model.predict(encoder.transform(test)), test_late)
    majority = round(float(max(test_late.mean(), 1 - test_late.mean())), 4)
    evaluation = {
        **scores,
        "majority_class_accuracy": majority,
        "departure_rule_accuracy": round(float(np.mean((test["dep_delay"] > args.late_minutes) == test_late)), 4),
        "rows": {"train": len(train), "test": len(test)},
        "features": train.shape[1],
        "trees": args.trees,
        "seconds": {"total": round(time.monotonic() - started, 2), "train": round(trained - started, 2)},
    }
    write_evaluation(evaluation, args.evaluation)
    verdict = f"accuracy {scores['accuracy']:.4f}, majority class {majority:.4f}"
    log(verdict)
    write_exit_message(verdict)


def arguments() -> argparse.Namespace:
    """The folders default to those in the container; set others to run this anywhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, default=ROOT / "input" / "train")
    parser.add_argument("--test", type=Path, default=ROOT / "input" / "test")
    parser.add_argument("--evaluation", type=Path, default=ROOT / "evaluation")
    parser.add_argument("--late-minutes", type=int, default=15, help="as in clean.py; used by the departure rule")
    parser.add_argument("--trees", type=int, default=60)
    parser.add_argument("--learning-rate", type=float, default=0.2)
    return parser.parse_args()


def log(message: str) -> None:
    """Print without buffering, so that the line shows up at once."""
    print(message, flush=True)


def read(file: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Features and target from a file of job 1."""
    table = pd.read_csv(file, dtype=dict.fromkeys(CATEGORIES, "category"), keep_default_na=False, na_values=[""])
    return table.drop(columns=TARGET), table[TARGET].to_numpy()


def encode_categories(train: pd.DataFrame) -> ColumnTransformer:
    """Encode names as numbers; a name that is not in the training data counts as missing. These columns come first."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, dtype=np.float32)
    return make_column_transformer((codes, CATEGORIES), remainder="passthrough").fit(train)


def fit(features: np.ndarray, late: np.ndarray, trees: int, learning_rate: float) -> HistGradientBoostingClassifier:
    """Train in steps; each step keeps the trees of the previous one."""
    model = HistGradientBoostingClassifier(
        learning_rate=learning_rate,
        categorical_features=list(range(len(CATEGORIES))),
        early_stopping=False,
        warm_start=True,
        random_state=0,
    )
    for step in range(1, STEPS + 1):
        model.set_params(max_iter=trees * step // STEPS).fit(features, late)
        loss = log_loss(late[::10], model.predict_proba(features[::10]))
        log(f"{model.n_iter_} of {trees} trees grown, log loss {loss:.4f} on the training rows")
    return model


def judge(predicted: np.ndarray, late: np.ndarray) -> dict[str, object]:
    """The usual metrics; precision, recall and F1 are for the late flights."""
    precision, recall, f1, _ = precision_recall_fscore_support(late, predicted, average="binary")
    (on_time, false_alarms), (missed, found) = confusion_matrix(late, predicted).tolist()
    return {
        "accuracy": round(float(accuracy_score(late, predicted)), 4),
        "precision": round(float(precision), 4),
        "recall": round(float(recall), 4),
        "f1": round(float(f1), 4),
        "confusion": {"on_time": on_time, "false_alarms": false_alarms, "missed": missed, "found": found},
    }


def write_evaluation(evaluation: dict[str, object], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps(evaluation, indent=2) + "\n")
    log(f"wrote {folder / 'evaluation.json'}")


def write_exit_message(text: str) -> None:
    """Processing reads this file as the job's ExitMessage; the folder exists only in a Processing container."""
    if MESSAGE.parent.is_dir():
        MESSAGE.write_text(text)


if __name__ == "__main__":
    main()
