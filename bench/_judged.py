"""What somebody found who looked at each finding in the untouched tables: those that are true, and why."""

from __future__ import annotations

DATES = "dates, as texts in the file"

TRUE: dict[tuple[str, str, str | None], str] = {
    ("matplotlib/Stocks", "text-date", "Date"): DATES,
    ("plotly/election", "id", "district_id"): "the district's number",
    ("plotly/stocks", "text-date", "date"): DATES,
    ("statsmodels/copper", "id", "TIME"): "1, 2, 3 … 25",
    ("statsmodels/elec_equip", "text-date", "DATE"): "dates, as Jan-1-1995",
    ("statsmodels/fair_pt", "id", "identifier"): "the number of the person asked",
    ("statsmodels/statecrime", "variants", "state"): "Kansas, Kentucky and Montana have a space behind them",
    (
        "statsmodels/statecrime",
        "outliers",
        "violent",
    ): "Washington, D.C., is a city among states: 1,349; the next has 705",
    ("vega_datasets/crimea", "text-date", "date"): DATES,
    ("vega_datasets/iowa-electricity", "text-date", "year"): DATES,
    ("vega_datasets/la-riots", "text-date", "death_date"): DATES,
    ("vega_datasets/ohlc", "text-date", "date"): DATES,
    ("vega_datasets/seattle-weather", "text-date", "date"): DATES,
    ("vega_datasets/sf-temps", "text-date", "date"): DATES,
}
