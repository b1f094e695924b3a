"""Splink on the generated customers: four files in, `entities.csv` out.

Settings as Splink's documentation has them for people: names by Jaro-Winkler with term frequency
adjustments, `DateOfBirthComparison`, `EmailComparison`, columns cleaned beforehand in DuckDB, u from
random pairs, m by expectation maximisation in two sessions that block on different columns, clusters
above 0.95. Blocking goes beyond what the documentation shows (every column, and pairs of parts of
columns), so that it finds about as many true pairs as ours does.
"""

import argparse
import json
import logging
from pathlib import Path

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

CLEAN = r"""
create macro bare(text) as nullif(trim(regexp_replace(
    lower(strip_accents(coalesce(text, ''))), '[^a-z0-9]+', ' ', 'g')), '');
create macro day(text) as coalesce(
    try_strptime(text, '%Y-%m-%d'), try_strptime(text, '%d/%m/%Y'), try_strptime(text, '%d.%m.%Y'))::date;
create macro digits(text) as case
    when length(regexp_replace(coalesce(text, ''), '[^0-9]', '', 'g')) >= 7
    then right(regexp_replace(text, '[^0-9]', '', 'g'), 8) end;
create macro given(name) as case
    when name like '%,%' then split_part(trim(split_part(name, ',', 2)), ' ', 1)
    else split_part(trim(name), ' ', 1) end;
create macro family(name) as case
    when name like '%,%' then split_part(name, ',', 1)
    when trim(name) like '% %' then regexp_replace(trim(name), '^\S+\s+', '') end;

create table people as
with raw as (
    select 'crm' source, "CustomerId" id, "First Name" given, "Last Name" family,
        day("Date of Birth") born, "Email" email, coalesce("Mobile", "Phone") phone,
        "Street" street, "Postcode" postcode, "City" city
    from read_csv('{folder}/crm.csv', all_varchar = true, header = true, quote = '"', ignore_errors = true, null_padding = false, delim = ',')
    union all
    select 'loyalty', card_no, given_name, family_name, day(birth_date), null, mobile, null, postcode, null
    from read_csv('{folder}/loyalty.csv', all_varchar = true, header = true, quote = '"', ignore_errors = true, null_padding = false, delim = '\t')
    union all
    select 'shop', id, given(name), family(name), null, email, phones[1],
        address.line, address.zip, address.city
    from read_json('{folder}/shop.jsonl', format = 'newline_delimited', ignore_errors = true, columns = {{
        id: 'VARCHAR', name: 'VARCHAR', email: 'VARCHAR', phones: 'VARCHAR[]',
        address: 'STRUCT(line VARCHAR, zip VARCHAR, city VARCHAR)'}})
    union all
    select 'support', "Kundennr", given("Name"), family("Name"), null, "E-Mail", "Telefon",
        nullif(split_part("Anschrift", ',', 1), ''),
        regexp_extract("Anschrift", '([0-9]{{4,6}})', 1),
        nullif(trim(regexp_replace(split_part("Anschrift", ',', 2), '[0-9]+', '', 'g')), '')
    from read_csv('{support}', all_varchar = true, header = true, quote = '"', ignore_errors = true, null_padding = false, delim = ';')
)
select source || ':' || id unique_id, source, id, bare(given) given, bare(family) family,
    strftime(born, '%Y-%m-%d') born, nullif(lower(trim(email)), '') email,
    split_part(lower(trim(email)), '@', 1) mailbox, digits(phone) phone,
    bare(street) street, nullif(replace(lower(postcode), ' ', ''), '') postcode, bare(city) city,
    left(bare(given), 1) initial, left(bare(family), 3) family_start, left(bare(given), 3) given_start
from raw
"""

BLOCKING = [
    block_on("email"),
    block_on("phone"),
    block_on("born", "initial"),
    block_on("born", "family_start"),
    block_on("given", "family"),
    block_on("mailbox"),
    block_on("family", "postcode"),
    block_on("given", "postcode"),
    block_on("family", "city"),
    block_on("street", "initial"),
    block_on("given_start", "family_start", "city"),
]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    logging.disable(logging.WARNING)

    connection = duckdb.connect(":memory:")
    if options.threads:
        connection.execute(f"set threads = {options.threads}")
    # DuckDB knows Latin-1, but not what Windows made of it.
    support = options.out.with_suffix(".support.csv")
    text = (options.folder / "support.csv").read_bytes().decode("cp1252", errors="replace")
    support.write_text(text, encoding="utf-8", newline="")
    connection.execute(CLEAN.format(folder=options.folder, support=support))
    records = connection.execute("select count(*) from people").fetchall()[0][0]

    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.NameComparison("given").configure(term_frequency_adjustments=True),
            cl.NameComparison("family").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("born", input_is_string=True),
            cl.EmailComparison("email"),
            cl.LevenshteinAtThresholds("phone", [1]).configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("street", [0.9]).configure(term_frequency_adjustments=True),
            cl.LevenshteinAtThresholds("postcode", [1]).configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("city", [0.9]).configure(term_frequency_adjustments=True),
        ],
        blocking_rules_to_generate_predictions=BLOCKING,
    )
    linker = Linker(DuckDBAPI(connection).register("people"), settings)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("email"), block_on("given", "family", "born")], recall=0.6
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=min(1e7, 1e3 * records))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("given", "family"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("email"))
    blocked = linker.inference.compute_blocked_pairs_for_predict()
    pairs = connection.execute(f"select count(*) from {blocked.physical_name}").fetchall()[0][0]
    scored = linker.inference.predict(threshold_match_probability=0.5)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(scored, 0.95)
    name = clusters.physical_name
    connection.execute(
        f"copy (select source, id, cluster_id as entity_id from {name}) "
        f"to '{options.out}' (header, delimiter ',')"
    )
    print(json.dumps({"records": records, "pairs": pairs}))


if __name__ == "__main__":
    main()
