"""GET /v1/rules: all that a verdict rests on, beside the answer."""

from carpose.checks import CHECKS
from carpose.rules import RULE_SETS, RuleSet
from tests.edge import answered, edge


def test_the_sets_of_rules_are_served_by_name_with_how_each_rule_is_told() -> None:
    app = edge(rules={"yard": RuleSet(min_width=640), "rental-return": RuleSet(single=True)})
    (response,) = answered(app, ("GET", "/v1/rules", {}))
    book = response.raise_for_status().json()
    assert set(book["sets"]) == {*RULE_SETS, "yard"}
    assert book["sets"]["listing-main"]["expect"] == ["front-left", "front-right"]
    assert book["sets"]["listing-main"]["max_car_share"] is None
    assert book["sets"]["rental-return"]["whole"] is False, "a configuration may take a name"
    assert [check["code"] for check in book["checks"]] == [check.code for check in CHECKS]
    assert 0 < book["min_score"] < 1
    assert len(book["listing_order"]) == 8


def test_it_is_documented() -> None:
    (response,) = answered(edge(), ("GET", "/openapi.json", {}))
    document = response.json()
    schema = document["paths"]["/v1/rules"]["get"]["responses"]["200"]
    name = schema["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    properties = document["components"]["schemas"][name]["properties"]
    assert set(properties) == {"sets", "checks", "min_score", "listing_order"}
