/** What other features may use of this one. */
export {SETTINGS, choiceOf, choicesOf} from './catalogue.js';
export {parseClaims} from './claims.js';
export {currentSettings} from './config.js';
export {type Consequence, consequences, signsOutAll} from './consequences.js';
export {drainText, limitsOff, unlessInForce} from './text.js';
export {writeSettings} from './queries.js';
export {askChoice, askInteger} from './questions.js';
export {maxFlag, strategyFlag} from './flags.js';
export {LISTED, type ListedRule, ORDER, RULE_COLUMNS, type Rule, readRules} from './rules.js';
export {endingQuestion, impactText, rejectWarning, trapWarning} from './change-text.js';
export {type Change, ChangeCommand} from './change-command.js';
export {
  type ImpactReport,
  NO_IMPACT,
  type RuleImpact,
  previewRules,
  readBasis,
  readEnding,
  readImpact,
  verdictValues,
} from './verdicts.js';
