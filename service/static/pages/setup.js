/* The set-up page: the checklist. */

import { createClient } from "../lib/api.js";
import { loadChecklist } from "../lib/checklist.js";
import { byId, markReady, showNotice } from "../lib/dom.js";
import { pageConfig } from "../lib/page_data.js";

/** @param {PageConfig} config */
async function showChecklist(config) {
  try {
    const { headline, list } = await loadChecklist(createClient(config.api), config);
    byId("setup-next").textContent = headline;
    byId("setup").replaceChildren(...list.children);
  } catch (error) {
    showNotice(config.t.failed);
    throw error;
  } finally {
    markReady();
  }
}

showChecklist(pageConfig());
