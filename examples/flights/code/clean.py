"""Job 1: clean the flights, join the weather of the hour, engineer features, split into train and test.

Plain SageMaker Processing code: it reads folders, writes folders, takes its settings as arguments, and does not depend
on where it runs. The features predict, when a flight leaves its gate, whether it will arrive late.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path("/opt/ml/processing")
MESSAGE = Path("/opt/ml/output/message")
TARGET = "late"
WEATHER = (
    "temp",
    "dewp",
    "humid",
    "wind_speed",
    "wind_gust",
    "wind_from_north",
    "wind_from_east",
    "precip",
    "pressure",
    "visib",
)
FEATURES = (
    "dep_delay",
    "month",
    "weekday",
    "minute_of_day",
    "scheduled_minutes",
    "distance",
    "carrier",
    "origin",
    "dest",
    "departures_in_hour",
    "plane_age",
    "seats",
    *WEATHER,
)
MAX_WIND_MPH = 200.0
"""The data of 2013 has a reading of 1,048 mph."""

FLIGHT_TYPES = {
    "month": "int8",
    "day": "int8",
    "distance": "int16",
    "sched_dep_time": "int16",
    "sched_arr_time": "int16",
    "dep_delay": "float32",
    "arr_delay": "float32",
    "flight": "int16",
    "carrier": "category",
    "origin": "category",
    "dest": "category",
    "tailnum": "category",
    "time_hour": "category",
}


@dataclass(frozen=True)
class Dropped:
    """How many flights cannot be labelled, by cause."""

    duplicates: int
    cancelled: int
    diverted: int


def main() -> None:
    args = arguments()
    started = time.monotonic()
    flights = read_flights(args.flights)
    log(f"read {len(flights):,} flights")
    weather, impossible = clean_weather(read_csv(args.weather, "weather.csv"))
    log(f"read {len(weather):,} hours of weather at {weather['origin'].nunique()} airports")
    log(f"removed {impossible} impossible wind speed")

    labelled, dropped = drop_unlabelled(add_schedule_features(flights))
    log(f"dropped {dropped.cancelled:,} cancelled, {dropped.diverted:,} diverted, {dropped.duplicates:,} repeated")
    table = labelled.merge(weather, how="left", on=["origin", "time_hour"], validate="many_to_one")
    log(f"joined the weather by airport and hour; {table['visib'].isna().sum():,} flights have none")
    table = add_plane_features(table, read_csv(args.reference, "planes.csv"))
    table[TARGET] = (table["arr_delay"] > args.late_minutes).astype("int8")
    log(f"engineered {len(FEATURES)} features; {table[TARGET].mean():.1%} of the flights are late")

    # Split by whole days, so that no test flight shares its weather with a training flight.
    in_test = table["day_of_year"] % args.test_every == 0
    write_csv(table[~in_test], args.train, "train.csv")
    write_csv(table[in_test], args.test, "test.csv")
    report = {
        "rows_in": len(flights),
        "rows_out": {"train": int((~in_test).sum()), "test": int(in_test.sum())},
        "rows_dropped": vars(dropped),
        "rows_without_weather": int(table["visib"].isna().sum()),
        "wind_speeds_removed": impossible,
        "late_is_more_than_minutes": args.late_minutes,
        **shares(table, read_csv(args.reference, "airlines.csv")),
        "features": list(FEATURES),
        "target": TARGET,
        "seconds": round(time.monotonic() - started, 2),
    }
    write_report(report, args.report)
    write_exit_message(f"{len(flights):,} flights in, {len(table):,} out, {len(FEATURES)} features")


def arguments() -> argparse.Namespace:
    """The folders default to those in the container; set others to run this anywhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("flights", "weather", "reference"):
        parser.add_argument(f"--{name}", type=Path, default=ROOT / "input" / name)
    for name in ("train", "test", "report"):
        parser.add_argument(f"--{name}", type=Path, default=ROOT / name)
    parser.add_argument("--late-minutes", type=int, default=15, help="late is more than this after schedule")
    parser.add_argument("--test-every", type=int, default=5, help="every n-th day of the year is used for testing")
    return parser.parse_args()


def log(message: str) -> None:
    """Print without buffering, so that the line shows up at once."""
    print(message, flush=True)


def read_csv(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name, na_values=["NA"], keep_default_na=False)


def read_flights(folder: Path) -> pd.DataFrame:
    """All flights in the folder, in small types. The arrival delay is the only column known only after landing."""
    files = sorted(folder.glob("*.csv*"))
    if not files:
        raise SystemExit(f"no CSV file in {folder}")
    parts = [pd.read_csv(file, usecols=[*FLIGHT_TYPES], dtype=FLIGHT_TYPES) for file in files]
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def clean_weather(weather: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """One row per airport and hour; impossible wind speeds become gaps; the direction becomes two components.

    The join is by the hour in UTC, because local hours repeat when summer time ends.
    """
    weather = weather.drop_duplicates(["origin", "time_hour"]).copy()
    impossible = weather["wind_speed"] > MAX_WIND_MPH
    weather.loc[impossible, ["wind_speed", "wind_gust"]] = np.nan
    angle = np.deg2rad(weather["wind_dir"])
    weather["wind_from_north"] = (np.cos(angle) * weather["wind_speed"]).round(2)
    weather["wind_from_east"] = (np.sin(angle) * weather["wind_speed"]).round(2)
    weather[["wind_speed", "wind_gust"]] = weather[["wind_speed", "wind_gust"]].round(2)
    return weather[["origin", "time_hour", *WEATHER]], int(impossible.sum())


def add_schedule_features(flights: pd.DataFrame) -> pd.DataFrame:
    """Features of the timetable. Computed before rows are dropped, because cancelled flights were scheduled, too."""
    date = pd.to_datetime({"year": 2013, "month": flights["month"], "day": flights["day"]})
    departs, arrives = minutes(flights["sched_dep_time"]), minutes(flights["sched_arr_time"])
    return flights.assign(
        day_of_year=date.dt.dayofyear.astype("int16"),
        weekday=date.dt.weekday.astype("int8"),
        minute_of_day=departs,
        scheduled_minutes=(arrives - departs) % 1440,  # in local times; the model gets the time zone through `dest`
        departures_in_hour=flights.groupby(["origin", "time_hour"], observed=True)["flight"].transform("size"),
    )


def minutes(clock: pd.Series) -> pd.Series:
    """Minutes since midnight of times written as 1730."""
    return clock // 100 * 60 + clock % 100


def drop_unlabelled(flights: pd.DataFrame) -> tuple[pd.DataFrame, Dropped]:
    """Drop flights without an arrival time: cancelled flights never left, diverted ones landed elsewhere."""
    repeated = flights.duplicated(["month", "day", "carrier", "flight", "origin", "sched_dep_time"])
    cancelled = ~repeated & flights["dep_delay"].isna()
    diverted = ~repeated & ~cancelled & flights["arr_delay"].isna()
    kept = flights[~(repeated | cancelled | diverted)]
    return kept, Dropped(int(repeated.sum()), int(cancelled.sum()), int(diverted.sum()))


def add_plane_features(table: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """Age and seats of the aircraft; missing for those not in the registry."""
    known = planes.set_index("tailnum")
    return table.assign(
        plane_age=2013 - table["tailnum"].astype("object").map(known["year"]),
        seats=table["tailnum"].astype("object").map(known["seats"]),
    )


def shares(table: pd.DataFrame, airlines: pd.DataFrame) -> dict[str, object]:
    """The share of late flights, in total and by airline, and of the majority class, which a model must beat."""
    late = float(table[TARGET].mean())
    by_carrier = table.groupby(table["carrier"].astype("object"))[TARGET].mean().sort_values().round(4)
    return {
        "late_share": round(late, 4),
        "majority_class_share": round(max(late, 1 - late), 4),
        "late_share_by_airline": by_carrier.rename(airlines.set_index("carrier")["name"]).to_dict(),
    }


def write_csv(rows: pd.DataFrame, folder: Path, name: str) -> None:
    """Write features and target."""
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_csv(folder / name, columns=[*FEATURES, TARGET], index=False)
    log(f"wrote {len(rows):,} rows to {folder / name} ({(folder / name).stat().st_size / 1e6:.1f} MB)")


def write_report(report: dict[str, object], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    log(f"wrote {folder / 'report.json'} after {report['seconds']} s")


def write_exit_message(text: str) -> None:
    """Processing reads this file as the job's ExitMessage; the folder exists only in a Processing container."""
    if MESSAGE.parent.is_dir():
        MESSAGE.write_text(text)


if __name__ == "__main__":
    main()
