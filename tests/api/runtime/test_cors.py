"""Programs that are web pages may call from anywhere; no cookie has a say."""

from django.test import Client

from tests.api.runtime.conftest import Program

ORIGIN = {"Origin": "https://program.example"}


def test_a_page_may_read_answer_and_signature(program: Program) -> None:
    response = program.init()

    assert response["Access-Control-Allow-Origin"] == "*"
    assert "Signature-Input" in response["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_a_page_may_read_a_refusal_too(program: Program) -> None:
    assert program.init(api_key="wrong")["Access-Control-Allow-Origin"] == "*"


def test_a_browser_may_ask_beforehand(client: Client) -> None:
    response = client.options(
        "/api/v1/init", headers={**ORIGIN, "Access-Control-Request-Method": "POST"}
    )

    assert (response.status_code, response.content) == (204, b"")
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response["Access-Control-Allow-Methods"] == "POST"
    assert "Content-Type" in response["Access-Control-Allow-Headers"]


def test_options_without_a_question_are_a_wrong_method(client: Client) -> None:
    response = client.options("/api/v1/init")

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


def test_pages_for_people_are_not_open_to_other_sites(db: None) -> None:
    response = Client().get("/", headers=ORIGIN)

    assert "Access-Control-Allow-Origin" not in response.headers
