"""What PostgreSQL cannot hold is the asker's mistake, not ours: a NUL in an address or a field. 3 s."""

from collections.abc import Iterator

import pytest

from review.access.roles import Role
from tests.support.board import ADDRESS, BoardClient, BoardUnderTest, board_wiring
from tests.support.postgres import emptied, postgres_url


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoardClient]:
    with postgres_url() as url:
        emptied(url).close()
        w = board_wiring(tmp_path_factory.mktemp("odd"), database_url=url)
        yield BoardUnderTest(w).client(Role.ADMIN)
        w.close()


@pytest.mark.parametrize(
    "path", ["/runs/a%00b", "/runs?text=%00", "/pictures/%00/thumb", "/launch/%00", "/audit?action=%00"]
)
def test_an_address_with_a_nul_is_refused_in_a_sentence(admin: BoardClient, path: str) -> None:
    answer = admin.get(path)
    assert answer.status_code == 400
    assert "a character in it that cannot be kept" in answer.text
    assert "content-security-policy" in answer.headers


def test_a_field_with_a_nul_is_refused_also_before_anybody_signed_in(admin: BoardClient) -> None:
    assert admin.submit("/people", user_id="bob", name="a\0b").status_code == 400
    assert admin.submit("/launch/keep", subject="a\0b", kind="brief").status_code == 400
    nobody = admin.under_test.client()
    token = nobody.csrf_token
    sent = {"csrf_token": token, "name": "a\0b", "password": "x"}
    assert nobody.post("/sign-in", data=sent, headers={"origin": ADDRESS}).status_code in (400, 401)
