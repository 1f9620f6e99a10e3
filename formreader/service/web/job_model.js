// What a job's record says about its progress.
import { decimal, digits, duration, pages, say, texts } from "./texts.js";

const words = texts.job;
const failedPages = (n) => say(words.failedPages, { pages: pages(n) });

export const isFinished = (job) => job.state === "done" || job.state === "failed";

/** Share of the pages that are read, 0..1; null while their number is unknown. */
export function share(job) {
  if (job.pages === null || job.pages === undefined) return job.state === "done" ? 1 : null;
  return job.pages === 0 ? 1 : Math.min(1, job.pages_done / job.pages);
}

/** One line: how far it is, how quick, and how long it takes. */
export function progressLine(job) {
  if (job.state === "queued") return job.ahead ? say(words.ahead, { n: job.ahead }) : words.next;
  if (job.state !== "running") return "";
  if (job.pages === null || job.pages === undefined) return words.counting;
  const parts = [say(words.progress, { done: job.pages_done, pages: pages(job.pages) })];
  if (job.pages_per_second) parts.push(say(words.rate, { n: decimal(job.pages_per_second) }));
  if (job.seconds_left !== null && job.seconds_left !== undefined) parts.push(say(words.left, { time: duration(job.seconds_left) }));
  if (job.pages_failed) parts.push(failedPages(job.pages_failed));
  return parts.join(" · ");
}

/** What a finished job asks for, in one line. */
export function resultLine(job) {
  if (job.state === "failed") return job.problem?.detail || job.problem?.title || words.states.failed;
  const { counts } = job;
  if (!counts) return "";
  const parts = [counts.review ? say(words.toReview, { digits: digits(counts.review) }) : words.nothingToReview];
  if (counts.failed) parts.push(failedPages(counts.failed));
  return parts.join(" · ");
}

const POLL_MS = 2000;

/** Tell of a job whenever it changes, until it is finished: by server-sent events, and by asking
 *  now and then where a proxy or browser does not let those through. Returns what stops it. */
export class JobFeed {
  constructor(id, { onJob, onGone, onProblem = () => {} }, world) {
    Object.assign(this, { id, onJob, onGone, onProblem, world, version: -1, stopped: false });
    this.listen();
  }

  listen() {
    const { EventSource, path } = this.world;
    if (!EventSource) return void this.poll();
    this.source = new EventSource(path(`jobs/${this.id}/events`));
    this.source.addEventListener("job", (event) => this.take(JSON.parse(event.data)));
    this.source.addEventListener("gone", () => this.end(this.onGone));
    this.source.addEventListener("error", () => {
      this.source.close();
      if (!this.stopped) this.poll();
    });
  }

  async poll() {
    while (!this.stopped) {
      try {
        this.take(await this.world.read(`jobs/${this.id}`));
      } catch (problem) {
        if (this.stopped) return;
        if (problem.status === 404) this.end(this.onGone);
        else this.onProblem(problem);
      }
      if (!this.stopped) await this.world.sleep(POLL_MS);
    }
  }

  take(job) {
    if (this.stopped || job.version < this.version) return;
    this.version = job.version;
    if (isFinished(job)) this.end(() => this.onJob(job));
    else this.onJob(job);
  }

  end(tell) {
    if (this.stopped) return;
    this.stop();
    tell();
  }

  stop() {
    this.stopped = true;
    this.source?.close();
  }
}
