/**
 * What a request's text says about its purpose, as named features. Not a list of bad words: a word counts by what stands around it (who
 * does what to whom, hidden or with leave), and defence speaks against. Text is folded first, so that case, accents, zero-width characters and
 * punctuation inside words hide nothing.
 */
export interface Feature {
  readonly id: string;
  /** What is said to a person when it speaks against a request. */
  readonly reason: string;
  readonly pattern: RegExp;
}

const PERSONAL = '(?:victims?|targets?|someone(?: else)?|other people|people|users?|customers?|employees?|colleagues?|competitors?|their|his|her|unsuspecting|my (?:ex|wife|husband|boss|neighbou?r|coworker))';
const CREDENTIALS = '(?:credentials?|passwords?|passphrases?|tokens?|cookies|session ids?|api keys?|private keys?|hashes|ntlm|kerberos|lsass|sam database|keystrokes?|bank details|credit cards?|wallets?)';
const ARTEFACT = '(?:malware|ransomware|key ?loggers?|root ?kits?|boot ?kits?|botnets?|trojans?|worms?|spyware|stealers?|droppers?|wipers?|backdoors?|remote access tools?|c2|c&c|command (?:and|&) control|shell ?code|exploit kits?|phishing|logic bombs?|fork bombs?|crypto ?jack\\w*|payloads?|implants?|beacons?|web ?shells?|reverse shells?)';

/** Somebody who works against the tool names it too: what comes before and after tells. */
const AGAINST = '(?<!\\b(?:detect|prevent|block|stop|against|scan|protect|mitigat|remov|quarantin|flag|alert|yara|sigma|rules?|defen|block|filter|recogni|identif|report|anti|fight|test|review|search|look|check|audit|find)\\w*[^.?!]{0,60})';
/** Cheap to say no: stands after the name was seen. */
const NOT_OF = '(?! (?:detect|scan|signature|protect|filter|remov|defen|prevent|alert|sample hash|report|awareness|simulation|training|check|block|hash|list|feed)\\w*)';

const feature = (id: string, reason: string, source: string): Feature => ({ id, reason, pattern: new RegExp(source) });

/** Order is the order of the weights. */
export const FEATURES: readonly Feature[] = [
  // What is to be made
  feature('make-artefact', 'asks for a tool of attack to be made', `\\b(?:write|create|build|make|develop|implement|generate|code|draft|provide|construct|design|give|add|show\\w*|produce|craft|program)\\b[^.?!]{0,90}(?=\\b${ARTEFACT}\\b${NOT_OF})${AGAINST}`),
  feature('artefact', 'names a tool of attack', `(?=\\b${ARTEFACT}\\b${NOT_OF})${AGAINST}`),
  feature('malicious', 'calls what is wanted malicious or stolen', '\\b(?:malicious|stolen|infected|infects?|hijack\\w*|weaponi[sz]\\w*|poison(?:s|ed|ing)?|rogue|counterfeit|illegal\\w*|illicit\\w*)\\b'),
  // What it is to do
  feature('steal', 'takes data or credentials', `\\b(?:steal\\w*|exfiltrat\\w*|harvest\\w*|siphon\\w*|scrape|dump\\w*|extract\\w*|grab\\w*|captur\\w*|record\\w*|log|collect\\w*|gather\\w*|crack\\w*|intercept\\w*|sniff\\w*)\\b[^.?!]{0,60}\\b(?:${CREDENTIALS}|screenshots?|clipboard|emails?|contacts|browser (?:data|history|storage)|microphone|webcam|audio|conversations?|sensitive|confidential|private (?:data|files|messages))`),
  feature('exfiltrate', 'moves data out', '\\b(?:exfil\\w*|data theft|leak(?:s|ing)? (?:the |sensitive |confidential )?(?:data|files|secrets)|dead drops?|covert channels?|steganograph\\w*|dns tunnel\\w*|send\\w*[^.?!]{0,60}\\bto (?:my|our|the attacker|an? (?:remote|external|attacker))[^.?!]{0,20}(?:server|host|machine|address|endpoint|collector))'),
  feature('impersonate', 'impersonates or deceives', '\\b(?:impersonat\\w*|spoof\\w*|phish\\w*|masquerad\\w*|fake (?:login|update|invoice|website|page|profile)|deceiv\\w*|trick(?:s|ed|ing)? (?:the |a )?(?:user|people|employee|victim)s?|social engineering|man in the middle|mitm)\\b'),
  feature('escalate', 'gets rights that were not given', '\\b(?:privilege escalation|escalat\\w* privileges?|(?:gain|obtain|get)\\w* (?:higher|elevated|root|admin\\w*|system|unauthori[sz]ed)[^.?!]{0,30}(?:access|privileges?|rights|control)|bypass\\w*[^.?!]{0,30}(?:uac|access control|permission|sandbox|authentication|login|mfa|2fa)|token manipulation|setuid|sudo caching|dll (?:injection|hijack\\w*|side ?load\\w*)|process (?:injection|hollowing)|inject\\w*[^.?!]{0,40}\\b(?:process|dll|thread|memory|code|extension|lsass)\\w*)'),
  feature('exploit', 'exploits a weakness', '\\b(?:exploit(?:s|ing|ed)?\\b[^.?!]{0,80}\\b(?:vulnerab\\w*|weakness\\w*|system|server|service|shares?|software|flaw|misconfig\\w*|permissions?|variables?|trust|protocols?|features?|tools?)|zero ?day|buffer overflow exploit|brute ?forc\\w*|credential stuffing|password spray\\w*|pass the (?:hash|ticket))'),
  feature('spread', 'spreads or moves to other machines', '\\b(?:self ?replicat\\w*|propagat\\w*|lateral(?:ly)? mov\\w*|lateral movement|spread\\w* (?:to|across|through|itself)|other (?:machines|hosts|systems) (?:in|on) the network|across the network|remote execution|psexec|wmi\\b|infected usb|usb drives?|removable media)'),
  feature('persist', 'stays on a machine after it was found', '\\b(?:persisten(?:t|ce)\\b[^.?!]{0,30}(?:access|mechanism|presence|foothold)?|surviv\\w* (?:a )?reboots?|startup folder|run keys?|registry (?:run|entr\\w+|keys?)[^.?!]{0,40}(?:malicious|start\\w*|execut\\w*|persist\\w*)|scheduled tasks?|crontab|login scripts?|hooks?\\b[^.?!]{0,20}\\b(?:windows|lsass|api|system))'),
  feature('destroy', 'destroys or blocks', `\\b(?:ddos\\b[^.?!]{0,20}(?:tool|attack(?! (?:detect|prevent|mitig)))|denial of service attack|wip(?:e|es|ing)\\b[^.?!]{0,40}\\b(?:disk|drive|machine|server|backups?|data)|encrypt\\w*[^.?!]{0,40}\\b(?:${PERSONAL})\\b[^.?!]{0,20}\\b(?:files|disk|data|documents)|delete\\w*[^.?!]{0,30}\\b(?:backups|shadow copies)|sabotag\\w*|take (?:it|them|the (?:site|server|service)) down|corrupt\\w* (?:the )?(?:data|database|firmware)|ransom)\\b`),
  feature('recon', 'looks a target over', '\\b(?:banner grabbing|os fingerprint\\w*|port scan\\w*|network (?:mapping|topology)|enumerat\\w*|reconnaissance|passive dns|subdomain|dns (?:interrogation|zone transfer)|whois|shodan|discover\\w*[^.?!]{0,50}(?:hosts|services|shares|users|accounts|domains|ips)|(?:domain|employee|user) (?:registrations|names|accounts|lists)|map(?:s|ping)? (?:domain|network|out)|open ports|live hosts)'),
  feature('system-survey', 'looks over the machine that it runs on', '\\b(?:list\\w*|identif\\w*|quer(?:y|ies|ying)|extract\\w*|check\\w*|retriev\\w*|detect\\w*|explor\\w*|sift\\w*|search\\w*)\\b[^.?!]{0,60}\\b(?:running processes|installed (?:software|applications|security)|environment variables|network configurations?|antivirus|virtual machine|sandbox|active directory|domain controllers?|logged (?:in|on) users?|valuable data|credential files|directory structures?)'),
  feature('run-hidden', 'runs code by a detour', '\\b(?:powershell|mshta|rundll32|regsvr32|wmic|macros?|vbscript|hta files?|javascript to (?:inspect|execute|run)|living off the land|in memory|fileless|reflective\\w*)\\b[^.?!]{0,60}\\b(?:execut\\w*|run\\w*|command|script|download\\w*|load\\w*|payload)|\\b(?:execut\\w*|run\\w*|download\\w*|load\\w*)\\b[^.?!]{0,60}\\b(?:powershell|mshta|rundll32|regsvr32|wmic|macros?|vbscript|fileless|remote (?:code|server|command))'),
  // How
  feature('hide', 'hides from those it concerns', '\\b(?:hid(?:e|es|ing|den)\\b[^.?!]{0,40}(?:itself|themselves|its|from|process|files?|presence|traffic|activit\\w*|code)|undetect\\w*|stealth\\w*|covert\\w*|secretly|silently\\b[^.?!]{0,30}(?:record|send|install|upload|copy|collect)|without (?:being|getting) (?:noticed|detected|caught)|evad\\w*|avoid(?:s|ing)? (?:detection|suspicion|signature)|obfuscat\\w*|cover\\w* (?:its |their |our |my )?tracks|blend\\w* (?:in|with)|disguis\\w*|camouflag\\w*|anti ?(?:forensic|debug|analysis|vm))'),
  feature('disable-defence', 'switches defences off', '\\b(?:disabl\\w*|kill\\w*|stop\\w*|tamper\\w*|bypass\\w*|circumvent\\w*|blind\\w*|evad\\w*)\\b[^.?!]{0,40}\\b(?:anti ?virus|defender|edr|firewall|security (?:software|tools?|solutions?|controls?|mechanisms?)|logging|event logs?|monitoring|detection|amsi|signature|blocklists?|ids|filters?)|clear\\w* (?:the )?(?:event |system |audit )?logs?'),
  feature('victim', 'is aimed at people or systems that are not the asker’s', `\\b(?:victim\\w*|without (?:their|his|her|the user s|anyone s)? ?(?:knowledge|consent|permission|noticing)|someone else|another person|unsuspecting|attacker controlled|compromised (?:host|system|machine|account)|(?:our|the|a) competitor|machines? of (?:our |the |other )?(?:customers|users|people|employees)|my (?:ex|wife|husband|girlfriend|boyfriend|boss|neighbou?r|coworker)(?: s)? (?:phone|account|computer|laptop|messages))`),
  feature('threat-actor', 'names or imitates a threat actor', '\\b(?:apt ?\\d{1,3}|nso group|lazarus|emotet|mimikatz|cobalt strike|meterpreter|metasploit|trickbot|mirai|wannacry|notpetya|pegasus|turla|fin7|screenspy|malware like|hackers? (?:group|for hire)|as (?:an? )?(?:attacker|hacker|malware))\\b'),
  // For it
  feature('defend', '', '\\b(?:detect\\w*|prevent\\w*|block\\w*|mitigat\\w*|protect\\w*|harden\\w*|defen[cds]\\w*|patch\\w*|remediat\\w*|monitor\\w*|alert\\w*|quarantin\\w*|rate limit\\w*|validat\\w*|sanitiz\\w*|audit\\w*|rotat\\w* (?:the )?(?:encryption )?keys?|intrusion detection|firewall|suspicious)\\b'),
  feature('mend', '', '\\b(?:fix\\w*|bugs?|refactor\\w*|regressions?|failing tests?|unit tests?|tests? (?:for|that|pass)|upgrade\\w*|migrat\\w*|document\\w*|review\\w*|rename\\w*|typos?|lint\\w*|cve \\d|advisor(?:y|ies)|vulnerabilit(?:y|ies) in (?:our|my|this|the)|pull request|stack trace|edge cases?)\\b'),
  feature('own', '', '\\b(?:our own|my own|(?:our|my|this) (?:repo\\w*|code\\w*|app\\w*|service|project|server|api|parser|library|package|module|function|class|cluster|website)|authori[sz]ed (?:penetration|pentest|assessment|test)|in scope|with (?:written )?(?:permission|consent)|bug bounty|ctf)\\b'),
  feature('program', '', '\\b(?:functions?|class(?:es)?|arrays?|strings?|integers?|loops?|arguments?|parameters?|returns?|variables?|constants?|structs?|methods?|components?|endpoints?|button|css|html|rest|query|queries|table|sort\\w*|pars(?:e|er|ing)|iterat\\w*|algorithm)\\b'),
];

/** Lower case, one space between words, no accents, no invisible characters; letters kept apart by points or dashes are joined. */
export function fold(text: string): string {
  return text.normalize('NFKD').replace(/[\u0300-\u036f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]/g, '').toLowerCase()
    .replace(/\b(?:[a-z][.\-_*]){2,}[a-z]\b/g, (word) => word.replace(/[.\-_*]/g, ''))
    .replace(/[’'‘`"“”()[\]{}<>*_\-/\\,;:]+/g, ' ').replace(/\s+/g, ' ').trim();
}

/** 1 for each feature that the folded text has. */
export function vectorOf(folded: string): readonly (0 | 1)[] {
  return FEATURES.map((f) => (f.pattern.test(folded) ? 1 : 0));
}
