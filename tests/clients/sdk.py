"""The Python SDK, as it comes and pinned to sessions: the same story as story.mjs tells."""

import asyncio
import json
import os
import time

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

URL = os.environ["SALLY_MCP_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['SALLY_MCP_KEY']}"}


async def story(who: str, mode: str) -> None:
    async with httpx2.AsyncClient(headers=HEADERS) as http:
        async with Client(streamable_http_client(URL, http_client=http), mode=mode) as client:

            async def data(name: str, **arguments: object) -> dict:
                result = await client.call_tool(name, arguments)
                assert not result.is_error, (name, result)
                assert json.loads(result.content[0].text) == result.structured_content
                return result.structured_content

            names = [tool.name for tool in (await client.list_tools()).tools]
            assert {"crm.deal.create", "crm.deal.get", "crm.deal.update", "crm.deal.list"} <= set(names), names
            title = f"Pitch of {who} {time.time_ns()}"
            deal = await data("crm.deal.create", title=title, value=1200.5, currency="EUR")
            assert deal["value"] == 1200.5
            assert (await data("crm.deal.get", dealId=deal["id"]))["title"] == title
            moved = await data("crm.deal.update", dealId=title, stage="proposal", ifVersion=1)
            assert (moved["stage"], moved["version"]) == ("Proposal", 2)
            found = await data("crm.deal.list", search=title)
            assert [item["id"] for item in found["items"]] == [deal["id"]]
            assert (await data("crm.deal.update", dealId=deal["id"], archived=True))["archivedAt"]
            assert (await data("crm.deal.list", search=title))["items"] == []
            failed = await client.call_tool("crm.deal.get", {"dealId": "deal_0000000000000"})
            assert failed.is_error and failed.structured_content["status"] == 404, failed
    print(f"ok {who}")


async def main() -> None:
    for mode in ("auto", "legacy"):
        await story(f"python-{mode}", mode)


asyncio.run(main())
