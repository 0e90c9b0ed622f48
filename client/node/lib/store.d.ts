import { Store } from 'express-session'

export interface CoatcheckStoreOptions {
  /** http://host:port or unix:/path; default: COATCHECK_URL, else http://127.0.0.1:8642 */
  url?: string
  /** default: COATCHECK_TOKEN */
  token?: string
  /** read at every request; default: COATCHECK_TOKEN_FILE */
  tokenFile?: string
  /** a named store of the daemon */
  store?: string
  /** what a save sends: the whole session, or only what changed */
  save?: 'replace' | 'merge'
  /** another request wrote the session since this one loaded it */
  conflict?: 'merge' | 'raise' | 'overwrite'
  /** the daemon is away */
  outage?: 'error' | 'read-only'
  log?: (message: string) => void
}

export class CoatcheckStore extends Store {
  constructor(options?: CoatcheckStoreOptions)
  get: Store['get']
  set: Store['set']
  touch: NonNullable<Store['touch']>
  destroy: Store['destroy']
}

export class CoatcheckError extends Error {
  /** the daemon did not answer or cannot do it now; a write may have landed */
  outage: boolean
  status: 500 | 503
}

export class ConflictError extends CoatcheckError {}
