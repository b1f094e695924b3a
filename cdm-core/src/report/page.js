"use strict";
(() => {
  const questions = [...document.querySelectorAll(".question")];
  const progress = document.getElementById("progress");
  if (!progress) return;
  const earlier = JSON.parse(document.getElementById("decisions").textContent);
  const answers = new Map();
  let saved = true;
  const tell = () => {
    const given = [...answers.values()].filter((answer) => answer !== "skip").length;
    progress.textContent = `${given} of ${questions.length} decided`;
  };
  const answer = (question, what) => {
    const again = answers.get(question) === what;
    again ? answers.delete(question) : answers.set(question, what);
    again ? delete question.dataset.answered : (question.dataset.answered = what);
    for (const button of question.querySelectorAll("[data-answer]")) {
      button.setAttribute("aria-pressed", String(!again && button.dataset.answer === what));
    }
    saved = false;
    tell();
    if (!again) go(question, 1);
  };
  const go = (from, step) => {
    const next = questions[questions.indexOf(from) + step];
    if (next) {
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "center" });
    }
  };
  const decisions = () => {
    const same = ([a, b], [c, d]) => a.source === c.source && a.id === c.id && b.source === d.source && b.id === d.id;
    const pairs = [...answers].filter(([, what]) => what !== "skip");
    const decided = pairs.map(([question, what]) => [JSON.parse(question.dataset.pair), what]);
    const kept = (list) => list.filter((old) => !decided.some(([pair]) => same(old, pair) || same([old[1], old[0]], pair)));
    const now = (what) => decided.filter(([, said]) => said === what).map(([pair]) => pair);
    return {
      version: 1,
      must_link: [...kept(earlier.must_link), ...now("yes")],
      cannot_link: [...kept(earlier.cannot_link), ...now("no")],
    };
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-answer]");
    if (button) answer(button.closest(".question"), button.dataset.answer);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const question = document.activeElement?.closest?.(".question");
    const what = { y: "yes", n: "no", s: "skip" }[event.key];
    if (question && what) answer(question, what);
    else if (event.key === "j") go(question, 1);
    else if (event.key === "k" && question) go(question, -1);
    else return;
    event.preventDefault();
  });
  document.getElementById("save").addEventListener("click", () => {
    const text = JSON.stringify(decisions(), null, 2) + "\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "decisions.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    saved = true;
    document.getElementById("saved").textContent = "Saved as decisions.json among your downloads.";
  });
  window.addEventListener("beforeunload", (event) => {
    if (!saved) event.preventDefault();
  });
  tell();
})();
