"""A volume plugin as docker's protocol has it: volume_plugin.py SOCKET FOLDER.  Writes down what it is asked."""
import http.server
import json
import os
import socketserver
import sys

SOCKET, FOLDER = sys.argv[1:]
volumes = {}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        method = self.path.strip('/')
        request = json.loads(self.rfile.read(int(self.headers.get('Content-Length') or 0)) or b'{}')
        with open(FOLDER + '/asked', 'a', encoding='utf-8') as asked:
            print(method, json.dumps(request), file=asked)
        answer = getattr(self, method.replace('.', '_'))(request.get('Name'), request)
        body = json.dumps(answer).encode()
        self.send_response(500 if answer.get('Err') else 200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def Plugin_Activate(self, _name, _request):
        return {'Implements': ['VolumeDriver']}

    def VolumeDriver_Create(self, name, request):
        if request['Opts'].get('full'):
            return {'Err': 'no space left'}
        volumes[name] = FOLDER + '/' + name
        os.makedirs(volumes[name], exist_ok=True)
        return {'Err': ''}

    def VolumeDriver_Get(self, name, _request):
        return {'Volume': {'Name': name}, 'Err': ''} if name in volumes else {'Err': 'no such volume'}

    def VolumeDriver_Mount(self, name, _request):
        if name.startswith('stuck'):
            with open(FOLDER + '/gate', encoding='utf-8') as gate:
                gate.read()
        return {'Mountpoint': volumes[name], 'Err': ''} if name in volumes else {'Err': 'no such volume'}

    def VolumeDriver_Unmount(self, name, _request):
        once = name == 'sticky' and not os.path.exists(FOLDER + '/tried')
        if once:
            open(FOLDER + '/tried', 'w', encoding='utf-8').close()
        return {'Err': 'device is busy' if once else ''}

    def VolumeDriver_Remove(self, name, _request):
        volumes.pop(name, None)
        return {'Err': ''}

    def log_message(self, *_args):
        pass

    def address_string(self):
        return 'unix'


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    pass


os.makedirs(FOLDER, exist_ok=True)
os.mkfifo(FOLDER + '/gate')
open(FOLDER + '/asked', 'a', encoding='utf-8').close()
os.makedirs(os.path.dirname(SOCKET), exist_ok=True)
Server(SOCKET, Handler).serve_forever()
