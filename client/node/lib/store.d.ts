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

export interface RotateOptions {
  /** seconds, at most 60, for which the old id leads to the session, too; not where rights change. Default: 0 */
  grace?: number
}

type Request = Parameters<Store['regenerate']>[0]

export class CoatcheckStore extends Store {
  constructor(options?: CoatcheckStoreOptions)
  get: Store['get']
  set: Store['set']
  touch: NonNullable<Store['touch']>
  destroy: Store['destroy']
  regenerate: Store['regenerate']
  /** Gives the request's session a new id and keeps its data. `req.session` is another object then. */
  rotate(req: Request, options?: RotateOptions): Promise<void>
  rotate(req: Request, callback: (error: unknown) => void): void
  rotate(req: Request, options: RotateOptions, callback: (error: unknown) => void): void
}

export class CoatcheckError extends Error {
  /** the daemon did not answer or cannot do it now; a write may have landed */
  outage: boolean
  status: 409 | 500 | 503
}

/** Another request changed, regenerated, ended or locked the session; `status` is 409. */
export class ConflictError extends CoatcheckError {}
