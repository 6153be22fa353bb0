import {serveSite} from './serve.js';

const {SUPABASE_URL: url, SUPABASE_KEY: key, PORT = '3000'} = process.env;
if (url === undefined || key === undefined) throw new Error('Set SUPABASE_URL and SUPABASE_KEY.');
console.log((await serveSite({url, key}, Number(PORT))).url);
