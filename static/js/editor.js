// [data-editor]: Write or Preview, and pictures that are pasted or dropped into the text of a task.
import { post, unreachable } from "./post.js";
import { headers } from "./suggest.js";
import { hold, letGo } from "./renew.js";
import { say } from "./toast.js";

function turn(editor, shown) {
  editor.querySelector("[data-preview]")?.remove();
  const text = editor.querySelector("textarea");
  text.hidden = Boolean(shown);
  if (shown) text.after(shown);
  if (shown) hold(editor);
  else letGo(editor);
  for (const button of editor.querySelectorAll("button[name=preview]")) button.ariaPressed = String(Boolean(button.value) === Boolean(shown));
}

/** A form that begins anew is written in again. */
document.addEventListener("reset", (event) => { for (const editor of event.target.querySelectorAll("[data-editor][data-held]")) turn(editor, null); });

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-editor] button[name=preview]");
  if (!button) return;
  event.preventDefault();
  const editor = button.closest("[data-editor]");
  if (!button.value) {
    turn(editor, null);
    return editor.querySelector("textarea").focus();
  }
  try {
    const { form } = button;
    const { part } = await post(form.action, new FormData(form, button), `[data-preview="${button.value}"]`);
    turn(editor, part);
  } catch (problem) {
    say(`There is no preview at the moment. ${problem.message}`, { bad: true });
  }
});

function put(text, words, from, to) {
  text.setRangeText(words, from, to, "end");
  text.dispatchEvent(new Event("input", { bubbles: true }));
}

async function add(text, task, file) {
  const mark = `![${file.name} is on its way…]()`;
  put(text, mark, text.selectionStart, text.selectionEnd);
  let words = "";
  try {
    const body = new FormData();
    body.append("file", file, file.name || "picture.png");
    const answer = await fetch(`/api/tasks/${task}/image-upload`, { method: "POST", body, headers }).catch(unreachable);
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.errors?.[0]?.message ?? told.detail);
    words = told.markdown;
  } catch (problem) {
    say(`The picture was not added. ${problem.message}`, { bad: true });
  }
  const at = text.value.indexOf(mark);
  if (at >= 0) put(text, words, at, at + mark.length);
}

function bring(event, files) {
  const text = event.target.closest?.("[data-editor] textarea");
  const pictures = [...(files ?? [])].filter((file) => file.type.startsWith("image/"));
  if (!text || pictures.length === 0) return;
  event.preventDefault();
  const { task } = text.closest("[data-editor]").dataset;
  if (!task) return say("Save the task first; then pictures can be added.", { bad: true });
  for (const picture of pictures) add(text, task, picture);
}

document.addEventListener("paste", (event) => bring(event, event.clipboardData?.files));
document.addEventListener("drop", (event) => bring(event, event.dataTransfer?.files));
document.addEventListener("dragover", (event) => {
  if (event.dataTransfer?.types.includes("Files") && event.target.closest?.("[data-editor] textarea")) event.preventDefault();
});
