// What a person does in VS Code's window, through a real browser: open, type, press, look. Looking polls; none sleeps.

import { type Browser, chromium, type FrameLocator, type Locator, type Page } from 'playwright-core';

/** Generous, for a machine that is busy with other things; a test that passes never waits this long. */
const PATIENCE_MS = 120_000;

/** Longer than a request may take at the server. */
const ASK_AGAIN_MS = 20_000;

export class Workbench {
  readonly page: Page;
  readonly #browser: Browser;

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.page = page;
  }

  static async open(url: string): Promise<Workbench> {
    const browser = await chromium.launch({
      executablePath: process.env['HALFLINE_CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
      ],
    });
    const page = await browser.newPage({
      viewport: { width: 1200, height: 720 },
    });
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(url);
    await page.locator('.monaco-workbench .statusbar').waitFor();
    return new Workbench(browser, page);
  }

  close(): Promise<void> {
    return this.#browser.close();
  }

  async openFile(name: string): Promise<void> {
    const tab = this.page.locator(`.editor-group-container.active .tab.active[data-resource-name="${name}"]`);
    // A webview may take the focus back after the file was picked: then the first group is asked for, and the file again.
    for (let tries = 0; tries < 5 && !(await tab.isVisible()); tries += 1) {
      await this.press('Control+1');
      await this.#pick(
        'Control+P',
        name,
        // The list before the name was written has it too, somewhere: the one that Enter opens is meant.
        this.page.locator('.quick-input-list .monaco-list-row.focused', {
          hasText: name,
        }),
      );
      await tab.waitFor({ timeout: 10_000 }).catch(() => undefined);
    }
    await tab.waitFor();
    await this.page.locator('.monaco-editor .view-line').first().waitFor();
  }

  /** Runs a command by its title, as in "Halfline: Restart Server". */
  async command(title: string): Promise<void> {
    await this.#pick(
      'F1',
      `>${title}`,
      this.page.locator('.quick-input-list .monaco-list-row', {
        hasText: title,
      }),
    );
  }

  /** Puts the cursor at a 1-based line and column of the file in front. */
  async goTo(line: number, column: number): Promise<void> {
    const row = this.page.locator('.quick-input-list .monaco-list-row', {
      hasText: /line/i,
    });
    await this.#pick('Control+G', `:${line}:${column}`, row);
    await this.page.locator('.statusbar-item', { hasText: `Ln ${line}, Col ${column}` }).waitFor();
  }

  /** Fills the input box of that title. */
  async answerInput(title: string, text: string): Promise<void> {
    await this.page.locator('.quick-input-widget .quick-input-title', { hasText: title }).waitFor();
    await this.page.locator('.quick-input-widget input.input').fill(text);
    await this.page.keyboard.press('Enter');
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text, { delay: 20 });
  }

  press(key: string): Promise<void> {
    return this.page.keyboard.press(key);
  }

  /**
   * The ghost text in the page once there is some, its lines joined. A model on a busy machine may have let its deadline
   * pass; an editor asks again when the person goes on, so this asks again from time to time.
   */
  async ghostText(): Promise<string> {
    const fragments = this.page.locator('.ghost-text-decoration, .ghost-text');
    let asked = Date.now();
    return poll('ghost text', async () => {
      const text = (await fragments.allTextContents()).join('').replaceAll('\u00a0', ' ');
      if (text.trim() !== '') {
        return text;
      }
      if (Date.now() - asked > ASK_AGAIN_MS) {
        await this.command('Trigger Inline Suggestion');
        asked = Date.now();
      }
      return undefined;
    });
  }

  async hasGhostText(): Promise<boolean> {
    return (await this.page.locator('.ghost-text-decoration, .ghost-text').count()) > 0;
  }

  notification(text: string | RegExp): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item', {
      hasText: text,
    });
  }

  async dismissNotifications(): Promise<void> {
    await this.command('Notifications: Clear All Notifications');
    await this.page.locator('.notifications-toasts .notification-list-item').waitFor({ state: 'hidden' });
  }

  /** Closes the editor that lies over the window, as that of the settings does. */
  async closeModal(): Promise<void> {
    await this.press('Escape');
    await this.page.locator('.monaco-modal-editor-block').waitFor({ state: 'hidden' });
  }

  statusItem(): Locator {
    return this.page.locator('.statusbar-item[id*="halfline.status"]');
  }

  /** The inside of the view in front: the answers, or the chat. */
  answers(): FrameLocator {
    return this.page.frameLocator('iframe.webview:visible').frameLocator('iframe#active-frame');
  }

  async #pick(key: string, text: string, row: Locator): Promise<void> {
    const input = this.page.locator('.quick-input-widget input.input');
    // A key that is pressed while a view hands the keyboard over is lost.
    for (let tries = 0; tries < 10 && !(await input.isVisible()); tries += 1) {
      await this.page.keyboard.press(key);
      await input.waitFor({ timeout: 5_000 }).catch(() => undefined);
    }
    await input.waitFor();
    await input.fill(text);
    await row.first().waitFor();
    await this.page.keyboard.press('Enter');
    // What was chosen may ask for more, in the same box.
    await poll('end of the list', async () =>
      (await input.isVisible()) && (await input.inputValue()) === text ? undefined : true,
    );
  }
}

/** Asks again and again until there is an answer. */
export async function poll<T>(what: string, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) {
      return answer;
    }
    if (Date.now() > deadline) {
      throw new Error(`no ${what} after ${PATIENCE_MS / 1000} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
