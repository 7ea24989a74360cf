"""The same story as story.mjs tells, for clients in Python."""

import json
import os
import time

URL = os.environ["SALLY_MCP_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['SALLY_MCP_KEY']}"}


async def story(who, list_tools, call_tool, read_resource, get_prompt) -> None:
    """`list_tools()` answers the tools; `call_tool(name, arguments)` answers (is it an error, texts, data);
    `read_resource(uri)` its contents; `get_prompt(name, arguments)` its messages."""

    async def data(tool: str, /, **arguments: object) -> dict:
        is_error, texts, structured = await call_tool(tool, arguments)
        assert not is_error, (tool, texts)
        assert json.loads(texts[0]) == structured
        return structured

    names = {tool.name for tool in await list_tools()}
    assert {"crm.deal.create", "crm.deal.list", "task.create", "task.move", "timesheet.add"} <= names, names
    title = f"Pitch of {who} {time.time_ns()}"
    await of_a_deal(title, data)

    async def look(task: str) -> None:
        slug = (await data("workspace.list"))["items"][0]["slug"]
        [content] = await read_resource(f"sally://workspaces/{slug}/tasks/{task}")
        assert title in content.text, content
        messages = await get_prompt("task-summary", {"task": task, "workspace": slug})
        assert any(task in message.content.text for message in messages), messages

    await of_a_task(title, data, look)
    is_error, _, problem = await call_tool("crm.deal.get", {"dealId": "deal_0000000000000"})
    assert is_error and problem["status"] == 404, problem
    print(f"ok {who}")


async def of_a_deal(title: str, data) -> None:
    deal = await data("crm.deal.create", title=title, value=1200.5, currency="EUR")
    assert deal["value"] == 1200.5
    assert (await data("crm.deal.get", dealId=deal["id"]))["title"] == title
    moved = await data("crm.deal.update", dealId=title, stage="proposal", ifVersion=1)
    assert (moved["stage"], moved["version"]) == ("Proposal", 2)
    found = await data("crm.deal.list", search=title)
    assert [item["id"] for item in found["items"]] == [deal["id"]]
    assert (await data("crm.deal.update", dealId=deal["id"], archived=True))["archivedAt"]
    assert (await data("crm.deal.list", search=title))["items"] == []


async def of_a_task(title: str, data, look) -> None:
    project = await data("project.create", name=title)
    task = await data("task.create", projectId=project["key"], title=title, ownerId="me", dueDate="friday")
    assert task["key"] == f"{project['key']}-1"
    assert (await data("task.get", taskId=task["key"]))["title"] == title
    assert (await data("task.update", taskId=task["key"], priority="high"))["priority"] == "P1"
    assert (await data("task.move", taskId=task["id"], targetStatus="Review"))["status"] == "Review"
    found = await data("task.list", projectId=project["id"], assignee="me")
    assert [item["key"] for item in found["items"]] == [task["key"]]
    await look(task["key"])
    entry = await data("timesheet.add", projectId=project["key"], taskId=task["key"], minutes=90)
    spent = await data("timesheet.list", projectId=project["key"], detail="full")
    assert [(item["id"], item["minutes"]) for item in spent["items"]] == [(entry["id"], 90)]
    assert (await data("task.archive", taskId=task["key"]))["archivedAt"]
    assert (await data("task.list", projectId=project["id"]))["items"] == []
    assert (await data("project.archive", projectId=project["key"]))["archivedAt"]
