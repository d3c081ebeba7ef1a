"""Google's official SDK, unchanged, against the sandbox: the proof that its Gemini wire is the real one."""

import io
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

with warnings.catch_warnings():
    # The SDK warns about its own experimental modules while it is imported.
    warnings.simplefilter("ignore")
    from google import genai
    from google.genai import errors, types

pytestmark = pytest.mark.server
MODEL = "gemini-nano-banana-2.1"


@pytest.fixture(params=["v1beta", None], ids=["v1beta", "default version"])
def client(request: pytest.FixtureRequest, sandbox_server: Any) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=sandbox_server.google_url, api_version=request.param)
    with genai.Client(api_key=sandbox_server.google_key, http_options=options) as sdk:
        yield sdk


def picture_of(answer: types.GenerateContentResponse) -> Image.Image:
    parts = answer.parts or []
    data = next(part.inline_data.data for part in parts if part.inline_data and not part.thought)
    assert data is not None
    return Image.open(io.BytesIO(data))


def test_text_becomes_an_image_of_the_asked_shape(client: genai.Client, sandbox_server: Any) -> None:
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"], image_config=types.ImageConfig(aspect_ratio="16:9", image_size="1K")
    )
    answer = client.models.generate_content(model=MODEL, contents="a red kettle on oak", config=config)
    picture = picture_of(answer)
    assert (picture.format, picture.size) == ("JPEG", (1376, 768))
    assert answer.model_version == MODEL
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.candidates_token_count == 1120
    assert answer.usage_metadata.thoughts_token_count
    line = sandbox_server.delivered_line()
    assert (line["request_id"], line["delivered"]) == (answer.response_id, True)


def test_image_plus_text_gives_words_and_an_image_in_the_inputs_shape(client: genai.Client) -> None:
    request: list[Any] = [Image.new("RGB", (300, 200), "teal"), "the same in evening light"]
    answer = client.models.generate_content(
        model="gemini-3.1-flash-image",
        contents=request,
        config=types.GenerateContentConfig(
            response_modalities=["TEXT", "IMAGE"], image_config=types.ImageConfig(image_size="512")
        ),
    )
    assert "evening light" in (answer.text or "")
    assert picture_of(answer).size == (632, 424)
    details = (answer.usage_metadata and answer.usage_metadata.prompt_tokens_details) or []
    assert {(row.modality, row.token_count) for row in details} >= {(types.MediaModality.IMAGE, 1120)}


def test_a_refused_prompt_has_a_block_reason_and_no_candidate(client: genai.Client) -> None:
    answer = client.models.generate_content(model=MODEL, contents="no [[sandbox:fault=moderated_request]]")
    assert not answer.candidates
    assert answer.prompt_feedback is not None
    assert answer.prompt_feedback.block_reason is types.BlockedReason.PROHIBITED_CONTENT


def test_a_refused_output_has_a_finish_reason_and_no_image(client: genai.Client) -> None:
    answer = client.models.generate_content(model=MODEL, contents="no [[sandbox:fault=moderated_output]]")
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.IMAGE_SAFETY
    assert not answer.parts


def test_a_retired_model_is_an_api_error_that_names_it(client: genai.Client) -> None:
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model="gemini-3-pro-image-preview", contents="a kettle")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")
    assert "models/gemini-3-pro-image-preview is not found for API version" in str(caught.value.message)


def test_an_overloaded_model_is_a_server_error(client: genai.Client) -> None:
    with pytest.raises(errors.ServerError) as caught:
        client.models.generate_content(model=MODEL, contents="a kettle [[sandbox:fault=unavailable]]")
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")


def test_a_wrong_key_is_the_vendors_400(sandbox_server: Any) -> None:
    options = types.HttpOptions(base_url=sandbox_server.google_url)
    with genai.Client(api_key="wrong", http_options=options) as sdk, pytest.raises(errors.ClientError) as caught:
        sdk.models.generate_content(model=MODEL, contents="a kettle")
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    assert "API key not valid" in str(caught.value.message)


def test_the_model_list_shows_what_is_served(client: genai.Client, sandbox_server: Any) -> None:
    sandbox_server.retire("gemini-3.1-flash-image")
    names = {model.name for model in client.models.list()}
    assert "models/gemini-3-pro-image" in names
    assert "models/gemini-3.1-flash-image" not in names
    assert client.models.get(model=MODEL).display_name == "Nano Banana 2.1"


def test_a_chat_edits_its_own_picture_with_the_signature_given_back(client: genai.Client) -> None:
    config = types.GenerateContentConfig(image_config=types.ImageConfig(image_size="512"))
    chat = client.chats.create(model="gemini-3.1-flash-image", config=config)
    first, second = chat.send_message("a kettle"), chat.send_message("now in blue")
    assert picture_of(first).size == picture_of(second).size == (512, 512)
