// The hand-in form: uploads in chunks that go on after a lost connection or a reload, keeps what was typed,
// and shows only the fields that the chosen kind needs. Without this script the form still works.
"use strict";

(() => {
  const form = document.getElementById("submit-form");
  if (!form) return;
  const zone = document.getElementById("dropzone");
  const input = document.getElementById("id_file");
  const hidden = document.getElementById("id_upload");
  const status = document.getElementById("upload-status");
  const bar = document.getElementById("upload-progress");
  const fault = document.getElementById("upload-error");
  const button = document.getElementById("submit-button");
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const draftKey = `draft:${location.pathname}`;
  let current = 0; // counts chosen files, so that a newer choice ends the older upload

  const size = (bytes) => {
    const units = ["bytes", "KB", "MB", "GB"];
    let unit = 0;
    while (bytes >= 1024 && unit < 3) { bytes /= 1024; unit += 1; }
    return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
  };

  const complain = (text) => { fault.textContent = text; fault.hidden = !text; };

  const ask = async (url, options = {}) => {
    const response = await fetch(url, {
      credentials: "same-origin",
      ...options,
      headers: { "X-CSRFToken": token, Accept: "application/json", ...(options.headers || {}) },
    });
    const isJson = (response.headers.get("Content-Type") || "").includes("json");
    return { ok: response.ok, status: response.status, body: isJson ? await response.json() : {} };
  };

  const fingerprint = (file) => `upload:${form.dataset.challenge}:${file.name}:${file.size}:${file.lastModified}`;

  // Where the browser may compute it (not over plain HTTP) and the file fits in memory, the server compares the digest.
  const digestOf = async (file) => {
    if (!globalThis.crypto?.subtle || file.size > 64 * 1024 * 1024) return "";
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  };

  const open = async (file) => {
    const known = localStorage.getItem(fingerprint(file));
    if (known) {
      const there = await ask(known);
      if (there.ok && there.body.size === file.size && ["open", "complete"].includes(there.body.state)) return there;
    }
    const made = await ask(form.dataset.create, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ challenge: form.dataset.challenge, filename: file.name, size: file.size, sha256: await digestOf(file) }),
    });
    if (made.ok) localStorage.setItem(fingerprint(file), made.body.url);
    return made;
  };

  const wait = (seconds) => new Promise((done) => { setTimeout(done, seconds * 1000); });

  const send = async (file) => {
    current += 1;
    const mine = current;
    complain("");
    hidden.value = "";
    button.disabled = true;
    zone.dataset.state = "sending";
    bar.hidden = false;
    bar.value = 0;
    status.textContent = `Uploading ${file.name} …`;
    let failures = 0;
    let session = null;
    while (mine === current) {
      try {
        if (session === null) {
          session = await open(file);
          if (!session.ok) break;
        }
        const told = session.body;
        bar.value = told.received / file.size;
        if (told.state === "complete") break;
        status.textContent = `Uploading ${file.name}: ${size(told.received)} of ${size(file.size)}`;
        const chunk = file.slice(told.received, told.received + told.chunk_bytes);
        const answer = await ask(told.url, {
          method: "PATCH",
          headers: { "Upload-Offset": String(told.received), "Content-Type": "application/offset+octet-stream" },
          body: chunk,
        });
        if (answer.ok) {
          failures = 0;
          session = answer;
        } else if (answer.status === 409 && Number.isInteger(answer.body.received)) {
          session.body.received = answer.body.received;
          failures += 1;
          if (failures > 5) { session = answer; break; }
        } else if (answer.status >= 500 && failures < 8) {
          failures += 1;
          await wait(Math.min(30, 2 ** failures));
        } else {
          session = answer;
          break;
        }
      } catch (error) {
        failures += 1;
        if (failures > 12) { session = { ok: false, body: { message: "The connection is gone.", remedy: "Choose the same file again: the upload goes on where it stopped." } }; break; }
        status.textContent = "The connection is interrupted; trying again …";
        await wait(Math.min(30, 2 ** failures));
      }
    }
    if (mine !== current) return;
    button.disabled = false;
    if (session.ok && session.body.state === "complete") {
      hidden.value = session.body.id;
      zone.dataset.state = "done";
      bar.value = 1;
      status.textContent = `${file.name} is uploaded (${size(file.size)}).`;
      input.value = "";
      localStorage.removeItem(fingerprint(file));
    } else {
      zone.dataset.state = "empty";
      bar.hidden = true;
      status.textContent = "Drop a file here, or choose one.";
      const { code, message, remedy } = session.body;
      complain(`${code ? `${code}: ` : ""}${(message || "the upload failed").replace(/[.]$/, "")}. ${remedy || ""}`.trim());
    }
  };

  input.addEventListener("change", () => { if (input.files.length) send(input.files[0]); });
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.dataset.over = "true"; });
  }
  for (const name of ["dragleave", "drop"]) {
    zone.addEventListener(name, (event) => { event.preventDefault(); delete zone.dataset.over; });
  }
  zone.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length) send(event.dataTransfer.files[0]);
  });

  const value = (name) => {
    const chosen = form.querySelector(`[name=${name}]:checked`) || form.querySelector(`select[name=${name}]`);
    return chosen ? chosen.value : "";
  };
  const show = () => {
    for (const part of form.querySelectorAll("[data-show-when]")) {
      const [name, wanted] = part.dataset.showWhen.split("=");
      part.hidden = value(name) !== wanted;
    }
  };

  const typed = () => [...form.elements].filter((field) => field.name && !["csrfmiddlewaretoken", "upload", "file"].includes(field.name));
  const keep = () => {
    const draft = typed().map((field) => (
      ["checkbox", "radio"].includes(field.type) ? [field.name, field.value, field.checked] : [field.name, field.value]
    ));
    sessionStorage.setItem(draftKey, JSON.stringify(draft));
  };
  const restore = () => {
    const draft = JSON.parse(sessionStorage.getItem(draftKey) || "[]");
    for (const [name, text, checked] of draft) {
      for (const field of typed()) {
        if (field.name !== name) continue;
        if (["checkbox", "radio"].includes(field.type)) {
          if (field.value === text) field.checked = checked;
        } else {
          field.value = text;
        }
      }
    }
  };
  if (form.dataset.bound !== "true") restore();
  show();
  form.addEventListener("input", () => { show(); keep(); });
  form.addEventListener("submit", () => { sessionStorage.removeItem(draftKey); button.disabled = true; });
  window.addEventListener("pageshow", (event) => { if (event.persisted) button.disabled = false; });
})();
