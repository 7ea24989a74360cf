"""The Python SDK, as it comes and pinned to sessions; and FastMCP."""

import asyncio

import fastmcp
import httpx2
from fastmcp.client.transports import StreamableHttpTransport
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from story import HEADERS, URL, story


async def official(mode: str) -> None:
    async with httpx2.AsyncClient(headers=HEADERS) as http:
        async with Client(streamable_http_client(URL, http_client=http), mode=mode) as client:

            async def list_tools() -> list:
                return (await client.list_tools()).tools

            async def call_tool(name: str, arguments: dict) -> tuple:
                result = await client.call_tool(name, arguments)
                return result.is_error, [block.text for block in result.content], result.structured_content

            async def read_resource(uri: str) -> list:
                return (await client.read_resource(uri)).contents

            async def get_prompt(name: str, arguments: dict) -> list:
                return (await client.get_prompt(name, arguments)).messages

            await story(f"python-{mode}", list_tools, call_tool, read_resource, get_prompt)


async def fast() -> None:
    async with fastmcp.Client(StreamableHttpTransport(URL, headers=HEADERS)) as client:

        async def call_tool(name: str, arguments: dict) -> tuple:
            result = await client.call_tool(name, arguments, raise_on_error=False)
            return result.is_error, [block.text for block in result.content], result.structured_content

        async def get_prompt(name: str, arguments: dict) -> list:
            return (await client.get_prompt(name, arguments)).messages

        await story("fastmcp", client.list_tools, call_tool, client.read_resource, get_prompt)


async def main() -> None:
    await official("auto")
    await official("legacy")
    await fast()


asyncio.run(main())
