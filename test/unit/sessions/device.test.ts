import {device} from '../../../src/features/sessions/device.js';

const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)';
const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const WINDOWS = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)';
const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0';

test.each([
  [`${MAC} ${CHROME} Safari/537.36`, 'Chrome on macOS'],
  [`${MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Safari/605.1.15`, 'Safari on macOS'],
  [`${MAC} ${CHROME} Electron/31.0.0 Safari/537.36`, 'app on macOS'],
  [`${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1`, 'Safari on iPhone'],
  [`${IPHONE} CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1`, 'Chrome on iPhone'],
  [
    'Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Mobile/15E148 Safari/604.1',
    'Safari on iPad',
  ],
  [`${WINDOWS} Gecko/20100101 Firefox/127.0`, 'Firefox on Windows'],
  [`${WINDOWS} ${CHROME} Safari/537.36 Edg/126.0.0.0`, 'Edge on Windows'],
  [`Mozilla/5.0 (X11; Linux x86_64) ${CHROME} Safari/537.36 OPR/111.0.0.0`, 'Opera on Linux'],
  ['Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0', 'Firefox on Linux'],
  [`Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${CHROME} Safari/537.36`, 'Chrome on ChromeOS'],
  [`Mozilla/5.0 (Linux; Android 10; K) ${CHROME} Mobile Safari/537.36`, 'Chrome on Android'],
  [
    'Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36',
    'Samsung Internet on Android',
  ],
  [`${MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126 Version/11.1.1 Safari/605.1.15`, 'Chrome on iPad'],
  [`${MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3.1 Mobile/15E148 Safari/604.1`, 'Safari on iPad'],
  [
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15',
    'browser on Linux',
  ],
  [`Mozilla/5.0 (Linux; Android 10; InFocus M7s) ${CHROME} Mobile Safari/537.36`, 'Chrome on Android'],
  [
    'Mozilla/5.0 (Linux; Android 10; NOH-NX9; HMSCore 5.0.4.301) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/83.0.4103.106 HuaweiBrowser/11.0.3.304 Mobile Safari/537.36',
    'Huawei Browser on Android',
  ],
  [
    'Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0.5359.211 Safari/537.36 WebAppManager',
    'Chrome on TV',
  ],
  ['Mozilla/5.0 (PlayStation 4 11.00) AppleWebKit/605.1.15 (KHTML, like Gecko)', 'browser on PlayStation'],
  [`${WINDOWS.replace(')', '; Xbox; Xbox Series X)')} ${CHROME} Safari/537.36 Edge/20.02`, 'Edge on Xbox'],
  ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Googlebot'],
])('a browser: %s', (agent, words) => {
  expect(device(agent)).toBe(words);
});

test.each([
  [`${IPHONE} Mobile/15E148`, 'app on iPhone'],
  [
    'Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UD1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.71 Mobile Safari/537.36',
    'app on Android',
  ],
  [`${IPHONE} Mobile/22D82 Instagram 375.2.0.33.77 (iPhone16,1; iOS 18_3_2; en_US; en)`, 'Instagram on iPhone'],
  [`${IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/501.2.0.65.109;FBDV/iPhone12,8;FBSN/iOS]`, 'Facebook on iPhone'],
  ['Dart/3.2 (dart:io)', 'Dart'],
  ['okhttp/4.12.0', 'okhttp'],
  ['ktor-client', 'ktor-client'],
  ['Dalvik/2.1.0 (Linux; U; Android 13; Pixel 6 Build/TQ3A)', 'Dalvik on Android'],
  ['MyApp/1 CFNetwork/1410.0.3 Darwin/22.6.0', 'MyApp on an Apple device'],
  ['My%20App/1.2.3 CFNetwork/1410.0.3 Darwin/22.6.0', 'My App on an Apple device'],
  ['DeepSeek Chat/1.5.4 (com.deepseek.chat; build:1; iOS 26.1.0) Alamofire/5.10.2', 'DeepSeek Chat on iOS'],
  ['node', 'node'],
  ['Node.js/20', 'Node.js'],
  ['node-fetch/1.0 (+https://github.com/bitinn/node-fetch)', 'node-fetch'],
  ['Deno/2.1.4', 'Deno'],
  ['Deno/2.1.4 (variant; SupabaseEdgeRuntime/1.69.4)', 'Supabase Edge Function'],
  ['Bun/1.1.20', 'Bun'],
  ['python-httpx/0.27.0', 'python-httpx'],
  ['Python/3.11 aiohttp/3.9.5', 'Python'],
  ['supabase-py/2.4.0', 'supabase-py'],
  ['Go-http-client/2.0', 'Go-http-client'],
  ['curl/8.4.0', 'curl'],
  ['Wget/1.13.4 (linux-gnu)', 'Wget on Linux'],
  ['TikTok 17.8.1 rv:178102 (iPhone; iOS 14.1; ja_JP) Cronet', 'TikTok on iPhone'],
  ['PostmanRuntime/7.39.0', 'PostmanRuntime'],
  ['SomethingNew', 'SomethingNew'],
])('a program: %s', (agent, words) => {
  expect(device(agent)).toBe(words);
});

test.each([[null], [''], ['   '], ['/'], ['(nothing)']])('nothing that says anything: %j', (agent) => {
  expect(device(agent)).toBe('unknown device');
});

test('a browser that names neither itself nor its system', () => {
  expect(device('Mozilla/5.0')).toBe('browser');
  expect(device(WINDOWS)).toBe('browser on Windows');
});

test('what a client calls itself can neither move the cursor nor fill the screen', () => {
  expect(device('\u001B[2J\u001B[31mevil\u0007\u202Eapp\r\n/1')).toBe('[2J[31mevilapp');
  expect(device(`${'📱'.repeat(50)}/1`)).toBe(`${'📱'.repeat(39)}…`);
  expect(device('x'.repeat(100_000))).toBe(`${'x'.repeat(39)}…`);
});
